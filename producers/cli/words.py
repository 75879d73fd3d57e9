"""The backends' words: which were heard, what each is taken to mean, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bulkhead.engine.wordbook import Seen, WordBook, checked, comparable, tellable
from bulkhead.errors import BulkheadError, UsageProblem
from producers.cli.output import show_list
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.engine.script import Scripts
    from producers.cli.context import Context

WORDS = ("word", "class", "by", "app", "count", "first_seen", "last_seen", "op")


def heard(scripts: Scripts) -> list[dict[str, Any]]:
    """The words heard of every app, with what each means now; the one heard last first."""
    return [row(seen) for seen in WordBook(scripts).seen()]


def row(seen: Seen) -> dict[str, Any]:
    """A word as it is shown."""
    return {name: seen.meaning if name == "class" else getattr(seen, name) for name in WORDS}


def mapped(scripts: Scripts) -> list[dict[str, Any]]:
    """What the operator has said."""
    said = WordBook(scripts).said()
    return [{"word": word, "class": meaning.value} for word, meaning in said.items()]


def change(ctx: Context, said: str | None, remove: str | None) -> dict[str, Any]:
    """Map a word as in `FULL=throttled`, or forget one: what it means from now on."""
    book = WordBook(ctx.scripts)
    with usage():
        if remove is not None:
            word = comparable(remove)
            ctx.audit("errors.map", word=tellable(word), removed="yes")
            book.forget(word)
        else:
            word, meaning = checked(*_parsed(said or ""))
            ctx.audit("errors.map", word=tellable(word), meaning=meaning)
            book.map(word, meaning)
    meaning, by = book.explain(word)
    return {"word": word, "class": meaning, "by": by}


def print_below(ctx: Context) -> None:
    """Print the words under a list of codes; without a store there are none to show."""
    try:
        rows = heard(ctx.scripts)
    except BulkheadError:
        return
    if rows:
        click.echo("\nWords that backends refused with\n")
        show_list(rows, WORDS, "table")


def _parsed(text: str) -> tuple[str, str]:
    word, equals, meaning = text.rpartition("=")
    if not equals:
        raise UsageProblem(
            f"{text!r} does not say what the word means",
            why="a class follows it: throttled, transient, auth or permanent",
            to_do="write it like `bulkhead errors map ROOMFULL=throttled`",
        )
    return word, meaning
