"""`bulkhead jobs explain`: why a job is where it is, in words."""

from __future__ import annotations

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_one


@click.command("explain")
@click.argument("job")
@output_option
@pass_context
def explain(ctx: Context, /, job: str, form: str | None) -> None:
    """Say why a job is where it is, what it waits for, and what to do."""
    from bulkhead.engine.explain import Explain

    told = Explain(ctx.scripts).explain(job)
    if chosen(form) != "table":
        show_one(told, form)
        return
    for sentence in told["says"]:
        click.echo(sentence)
    click.echo("\nTo act:")
    for command in told["commands"]:
        click.echo(f"  {command}")
