"""`bulkhead creds debug`: a window in which mesibo reports what becomes of pushes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from producers.cli.call import following_of
from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import output_option
from producers.cli.values import TIME_LIMIT

if TYPE_CHECKING:
    from bulkhead.model.app import App
    from bulkhead.ordering import Options


@click.command("debug")
@click.argument("app")
@click.option(
    "--duration", type=TIME_LIMIT, required=True, metavar="D", help="How long, such as 30m."
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the answer.")
@job_options
@quote_options
@output_option
@pass_context
def debug(
    ctx: Context, /, app: str, duration: float, no_wait: bool, form: str | None, **options: Any
) -> int:
    """Let mesibo report for a while what becomes of an app's pushes.

    The reports go to the webhook for push results. mesibo's cloud allows three hours at most, and
    one window in eight hours; an earlier one is refused here, with the time of the next.
    """
    from bulkhead.ordering import Options
    from bulkhead.pushing import refuse_closed

    asked, how = Options(**take_asked(options)), take_how(options)
    how = replace(how, following=following_of(how.following, no_wait))
    known = ctx.fleet.app(ctx.app_id(app))
    seconds = max(1, round(duration))
    refuse_closed(ctx.scripts, known, seconds, time.time())
    return carry_out(ctx, _order(ctx, known, seconds, asked, how.dry_run), how, form)


@contextmanager
def _order(
    ctx: Context, app: App, seconds: int, options: Options, dry_run: bool
) -> Iterator[Order]:
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.pushing import prepare_debug

    made = prepare_debug(ctx.scripts, seconds, app=app.id, options=options)
    if not dry_run:
        ctx.audit("creds.debug", **of_app(app.id), seconds=str(seconds))
    yield Order(made.request, made.batches, made.describe)
