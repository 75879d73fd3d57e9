"""`bulkhead broadcast stats`: from the audience of a broadcast to its readers."""

from __future__ import annotations

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one
from producers.cli.values import usage

COLUMNS = ("stage", "recipients", "percent", "members")


@click.command("stats")
@click.argument("job")
@output_option
@pass_context
def stats(ctx: Context, /, job: str, form: str | None) -> None:
    """Count who was sent a broadcast, got it and read it: a lower bound.

    Only what mesibo told the app's inbound webhook is known. A group counts as soon as one of its
    members is reached; the members themselves are counted beside it, each once.
    """
    from bulkhead.engine.delivery import Deliveries

    with usage():
        funnel = Deliveries(ctx.scripts).funnel(job)
    form = chosen(form)
    if form in ("json", "jsonl"):
        show_one(funnel.to_dict(), form)
        return
    show_list(funnel.stages(), COLUMNS, form)
    for note in funnel.notes:
        click.echo(f"note: {note}", err=True)
