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
    from bulkhead.submitting import Prepared
    from producers.cli.job_options import How
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
    from bulkhead import retrying
    from bulkhead.ordering import Options
    from bulkhead.retrying import Choice
    from producers.cli.order import carry_out

    with usage():
        choice = Choice(only)
    asked, how = Options(**take_asked(options)), take_how(options)
    if ctx.jobs.get(job).apps is not None:
        return _rotate_again(ctx, retrying.prepare(ctx.scripts, job, choice, asked), how, form)
    return carry_out(ctx, _order(ctx, job, choice, asked), how, form)


@contextmanager
def _order(ctx: Context, job: str, choice: Choice, options: Options) -> Iterator[Order]:
    from bulkhead import retrying
    from producers.cli.order import Order

    made = retrying.prepare(ctx.scripts, job, choice, options)
    question = _question if retrying.may_double(ctx.scripts, job, choice) else None
    yield Order(made.request, made.batches, made.describe, question)


def _rotate_again(ctx: Context, made: Prepared, how: How, form: str | None) -> int:
    from bulkhead.rotating_again import changes_of
    from producers.cli.creds_rotate import show_plan
    from producers.cli.follow import finish

    planned, waves = changes_of(ctx.scripts, made), made.request.waves
    if waves is None:
        raise AssertionError("a rotation has waves")
    if how.dry_run:
        show_plan(planned, waves, str(made.request.params["verify"]), form)
        return 0
    many = "1 app" if len(planned) == 1 else f"{len(planned)} apps"
    question = f"Rotate {many} again, in {len(waves.ends)} waves?"
    ctx.rotations.prepare_again(made, lambda: ctx.confirm(question, how.yes))
    job = ctx.submit(made.request, made.batches, made.describe)
    return finish(ctx.jobs, job, how.following, form)


def _question(rows: int) -> str:
    which = "1 row that" if rows == 1 else f"{rows:,} rows that"
    return f"Send {which} may have been carried out already once more?"
