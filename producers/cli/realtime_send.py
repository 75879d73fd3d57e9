"""`bulkhead realtime send`: one message in real time to a few people or a group, as a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import UsageProblem
from producers.cli.broadcast_options import no_session_option, take_letter
from producers.cli.context import Context, pass_context
from producers.cli.job_options import How, job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option
from producers.cli.people import app_option
from producers.cli.realtime_sender import as_option
from producers.cli.time_options import time_options
from producers.cli.values import DURATION, usage

if TYPE_CHECKING:
    from bulkhead.audience import Part
    from bulkhead.broadcasting import Ordered
    from producers.cli.order import Order


@click.command("send")
@app_option
@as_option
@click.option("--to", metavar="ADDR,…", help="Who gets it.")
@click.option("--gid", metavar="N", help="The group that gets it; our custom_id does as well.")
@click.option("--message", metavar="TEXT", help="The text.")
@click.option("--file-url", metavar="URL", help="A file instead, by its public URL.")
@click.option("--file", metavar="PATH", help="A file itself, of up to 16 MiB.")
@click.option("--title", metavar="T", help="Beside the file.")
@click.option("--expiry", type=DURATION, metavar="D", help="Undelivered after this: dropped. [24h]")
@no_session_option
@job_options
@time_options
@quote_options
@output_option
@pass_context
def send(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Send a message through a user's own session, as a broadcast job.

    It takes the way of `broadcast create --via realtime`, and is not asked about.
    """
    from producers.cli.broadcast_preview import preview_of, show_preview
    from producers.cli.order import carry_out

    how = take_how(options)
    ordered = _ordered(ctx, options, how)
    if how.dry_run and ctx.taker is None:
        return show_preview(preview_of(ctx.scripts, ordered), form)
    return carry_out(ctx, _order(ordered), how, form)


def _ordered(ctx: Context, options: dict[str, Any], how: How) -> Ordered:
    from bulkhead.broadcast_limits import refuse_past
    from bulkhead.broadcasting import Order, prepare
    from bulkhead.ordering import Options

    parts = _parts(options.pop("to"), options.pop("gid"))
    options |= {"via": "realtime", "variables": ()}
    with usage():
        letter, file, no_session = take_letter(options)
        app = ctx.fleet.app(ctx.app_id(options.pop("app"))).id
        order = Order(app, letter, force_late=how.force_late, file=file, no_session=no_session)
        asked = Options(**take_asked(options))
        refuse_past(ctx.scripts, order.app, asked)
    return prepare(ctx.scripts, order, parts, asked)


def _parts(to: str | None, gid: str | None) -> list[Part]:
    from bulkhead.broadcasting import parts_of

    if (to is None) == (gid is None):
        raise UsageProblem(
            "two kinds of recipients are named" if to is not None else "nobody is to get it",
            why="it goes to people, or to a group",
            to_do="give --to ADDR,… or --gid N; `broadcast create --via realtime` takes lists",
        )
    named = [one.strip() for one in (to if to is not None else gid or "").split(",")]
    if not all(named):
        raise UsageProblem(
            "a recipient has no name",
            why="there is nothing before, between or behind a comma",
            to_do="write them like --to ann@example.com,bob@example.com",
        )
    return parts_of([], named) if to is not None else parts_of(named, [])


@contextmanager
def _order(ordered: Ordered) -> Iterator[Order]:
    from producers.cli.order import Order

    made = ordered.made
    yield Order(made.request, made.batches, made.describe)
