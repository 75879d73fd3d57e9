"""`bulkhead jobs retry`: rows that were not done, as a new job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.ordering import Options
    from bulkhead.retrying import Choice
    from producers.cli.order import Order

# What makes a job is imported where it is made: `jobs show` need not wait for it.


@click.command("retry")
@click.argument("job")
@click.option("--only", metavar="failed|unknown|not_attempted|CODE", help="Just these rows.")
@job_options
@quote_options
@output_option
@pass_context
def retry(ctx: Context, /, job: str, only: str | None, form: str | None, **options: Any) -> int:
    """Run failed and unattempted rows again, as a new job."""
    from bulkhead.ordering import Options
    from bulkhead.retrying import Choice
    from producers.cli.order import carry_out

    with usage():
        choice = Choice(only)
    asked, how = Options(**take_asked(options)), take_how(options)
    return carry_out(ctx, _order(ctx, job, choice, asked), how, form)


@contextmanager
def _order(ctx: Context, job: str, choice: Choice, options: Options) -> Iterator[Order]:
    from bulkhead import retrying
    from producers.cli.order import Order

    made = retrying.prepare(ctx.scripts, job, choice, options)
    question = _question if retrying.may_double(ctx.scripts, job, choice) else None
    yield Order(made.request, made.entries, made.describe, question)


def _question(rows: int) -> str:
    which = "1 row that" if rows == 1 else f"{rows:,} rows that"
    return f"Send {which} may have been carried out already once more?"
