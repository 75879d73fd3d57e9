"""`bulkhead jobs audit`: count a job again from what lies in the store, and repair its counts."""

from __future__ import annotations

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_one

DIFFERS = 3


@click.command("audit")
@click.argument("job")
@click.option("--repair", is_flag=True, help="Set the job's counts to what was counted.")
@output_option
@pass_context
def audit(ctx: Context, /, job: str, repair: bool, form: str | None) -> int:
    """Count a job again and prove its counts; exit 3 if they differ."""
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.engine.recount import Recount

    recount = Recount(ctx.scripts)
    found = recount.audit(job)
    if repair and not found.right:
        before = found
        ctx.audit("job.repaired", job=job, **of_app(found.app))
        found = recount.repair(job)
        for difference in before.differences:
            click.echo(f"before: {difference}", err=True)
    document = found.to_dict()
    if chosen(form) == "table":
        click.echo(_sentence(document))
        document["differences"] = "; ".join(document["differences"]) or None
    show_one(document, form)
    if not found.right:
        click.echo(_advice(job, repaired=repair), err=True)
    return 0 if found.right else DIFFERS


def _sentence(document: dict[str, object]) -> str:
    if document["right"]:
        return f"{document['job']} is right: {document['sum']}"
    return f"{document['job']} is not right"


def _advice(job: str, *, repaired: bool) -> str:
    if repaired:
        return (
            "what still differs is not a count. `bulkhead jobs cancel` ends the job; then"
            f" `bulkhead jobs retry {job} --only not_attempted` runs the rest as a new one"
        )
    return f"`bulkhead jobs audit {job} --repair` sets the counts to what was counted"
