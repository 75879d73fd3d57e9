"""`bulkhead jobs retry`: rows that were not done, as a new job."""

from __future__ import annotations

from typing import Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.follow import Following, finish
from producers.cli.job_options import job_options, take_asked
from producers.cli.output import output_option
from producers.cli.values import usage


@click.command("retry")
@click.argument("job")
@click.option("--only", metavar="failed|unknown|not_attempted|CODE", help="Just these rows.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@job_options
@output_option
@pass_context
def retry(
    ctx: Context, /, job: str, only: str | None, yes: bool, form: str | None, **options: Any
) -> int:
    """Run failed and unattempted rows again, as a new job."""
    from bulkhead import retrying
    from bulkhead.ordering import Options

    with usage():
        choice = retrying.Choice(only)
    asked = Options(**take_asked(options))
    if retrying.may_double(ctx.scripts, job, choice):
        ctx.confirm("Unknown rows may have been carried out already. Send them once more?", yes)
    made = retrying.retry(ctx.scripts, job, choice, asked)
    return finish(ctx.jobs, made, Following(**options), form)
