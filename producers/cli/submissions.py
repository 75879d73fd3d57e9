"""`bulkhead submissions`: messages of the Celery front door that became no job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list, show_one

if TYPE_CHECKING:
    from bulkhead.engine.dead import DeadLetters

COLUMNS = ("id", "at", "code", "task", "app", "size", "what", "why")


@click.group()
def submissions() -> None:
    """Submissions: what came as Celery messages."""


@submissions.group()
def dead() -> None:
    """Dead letters: messages that were refused, with the reason."""


@dead.command("list")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(ctx: Context, /, limit: int | None, form: str | None) -> None:
    """List refused messages, newest first."""
    from itertools import islice

    rows = (letter.to_dict() for letter in islice(_letters(ctx).list(), limit))
    show_list(rows, COLUMNS, form)


@dead.command("show")
@click.argument("letter", metavar="ID")
@click.option("--raw", is_flag=True, help="Print the message itself, as it came.")
@output_option
@pass_context
def show(ctx: Context, /, letter: str, raw: bool, form: str | None) -> None:
    """Show why a message was refused; its content only with --raw."""
    letters = _letters(ctx)
    if raw:
        click.echo(letters.message(letter))
        return
    show_one(letters.get(letter).to_dict(), form)


@dead.command("retry")
@click.argument("letter", metavar="ID")
@output_option
@pass_context
def retry(ctx: Context, /, letter: str, form: str | None) -> None:
    """Put a refused message into the front list again."""
    from bulkhead.engine.connect import connect
    from bulkhead.engine.front import Front

    front = Front(connect(ctx.site.front_url), "")
    retried = _letters(ctx).retry(letter, front.put)
    front.close()
    show_one({**retried.to_dict(), "state": "retried"}, form)


@dead.command("drop")
@click.argument("letter", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def drop(ctx: Context, /, letter: str, yes: bool, form: str | None) -> None:
    """Forget a refused message for good."""
    letters = _letters(ctx)
    known = letters.get(letter)
    ctx.confirm(f"Forget {letter}?", yes)
    ctx.audit("submissions.dead.drop", app=known.app, letter=letter, code=known.code)
    show_one({**letters.drop(letter).to_dict(), "state": "dropped"}, form)


def _letters(ctx: Context) -> DeadLetters:
    from bulkhead.engine.dead import DeadLetters

    return DeadLetters(ctx.scripts)
