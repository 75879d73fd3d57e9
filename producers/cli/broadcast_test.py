"""`bulkhead broadcast test`: the message of a broadcast, to a few people who look at it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from producers.cli.broadcast_options import take_variables, variables_option
from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option

if TYPE_CHECKING:
    from bulkhead.ordering import Options
    from producers.cli.order import Order


@click.command("test")
@click.argument("job")
@click.option("--to", required=True, metavar="ADDR,…", help="Who is to look at it.")
@variables_option("A value in place of the first row's; may be repeated.")
@job_options
@quote_options
@output_option
@pass_context
def test(ctx: Context, /, job: str, to: str, form: str | None, **options: Any) -> int:
    """Send a broadcast's message to a few people, as a job of its own.

    Variables have the values of the broadcast's first recipient, unless --var says otherwise.
    """
    from bulkhead.ordering import Options
    from producers.cli.order import carry_out

    given = take_variables(options)
    asked, how = take_asked(options), take_how(options)
    # Who waits to see it must not wait behind a large job of the same app.
    asked["priority"] = asked["priority"] or "urgent"
    opening = _order(ctx, job, to.split(","), given, Options(**asked))
    return carry_out(ctx, opening, how, form)


@contextmanager
def _order(
    ctx: Context, job: str, people: list[str], given: dict[str, str], options: Options
) -> Iterator[Order]:
    from bulkhead.broadcasting import Frozen, prepare_test
    from producers.cli.order import Order

    made = prepare_test(Frozen.of(ctx.scripts, job), people, given, options)
    yield Order(made.request, made.batches, made.describe)
