"""The backends' words: which were heard, what each is taken to mean, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bulkhead.backend.words import WordClass, Words
from bulkhead.engine.wordbook import MEANINGS, Seen, WordBook
from bulkhead.errors import BulkheadError, UsageProblem
from producers.cli.output import show_list
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.engine.script import Scripts
    from producers.cli.context import Context

WORDS = ("word", "class", "by", "app", "count", "first_seen", "last_seen", "op")


def heard(scripts: Scripts) -> list[dict[str, Any]]:
    """The words heard of every app, with what each means now; the one heard last first."""
    book = WordBook(scripts)
    words = Words(book.said())
    return [_row(seen, words) for seen in book.seen()]


def mapped(scripts: Scripts) -> list[dict[str, Any]]:
    """What the operator has said."""
    said = WordBook(scripts).said()
    return [{"word": word, "class": meaning.value} for word, meaning in said.items()]


def change(scripts: Scripts, said: str | None, remove: str | None) -> dict[str, Any]:
    """Map a word as in `FULL=throttled`, or forget one: what it means from now on."""
    book = WordBook(scripts)
    with usage():
        word = book.forget(remove) if remove is not None else book.map(*_parsed(said or ""))
    meaning, source = Words(book.said()).explain(word)
    return {"word": word, "class": meaning.value, "by": source.value}


def print_below(ctx: Context) -> None:
    """Print the words under a list of codes; without a store there are none to show."""
    try:
        rows = heard(ctx.scripts)
    except BulkheadError:
        return
    if rows:
        click.echo("\nWords that backends refused with\n")
        show_list(rows, WORDS, "table")


def _row(seen: Seen, words: Words) -> dict[str, Any]:
    meaning, source = words.explain(seen.word)
    return {
        "word": seen.word,
        "class": meaning.value,
        "by": source.value,
        "app": seen.app,
        "count": seen.count,
        "first_seen": seen.first_seen,
        "last_seen": seen.last_seen,
        "op": seen.op,
    }


def _parsed(text: str) -> tuple[str, WordClass]:
    word, equals, name = text.rpartition("=")
    known = {meaning.value: meaning for meaning in MEANINGS}
    if not equals or name not in known:
        raise UsageProblem(
            f"{name!r} is not a class" if equals else f"{text!r} does not say what the word means",
            why=f"a word means one of {', '.join(known)}",
            to_do="write it like `bulkhead errors map ROOMFULL=throttled`",
        )
    return word, known[name]
