"""Tables for people: single words, such as ids, are never cut; only sentences are wrapped."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

import click
from rich.cells import cell_len

AT_ONCE = 500
"""Rows laid out together, because a million results are a table too."""
GAP = "  "
NARROWEST = 20
"""Characters that a column of sentences keeps."""


def print_table(rows: Iterable[Sequence[str]], columns: Sequence[str]) -> None:
    """Print the rows under their columns' names, as wide as the terminal if stdout is one."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    header, rest = [name.replace("_", " ") for name in columns], iter(rows)
    for line in _first(table(list(islice(rest, AT_ONCE)), header, width)):
        click.echo(line)
    while piece := list(islice(rest, AT_ONCE)):
        for line in islice(table(piece, header, width), 1, None):
            click.echo(line)


def table(rows: Sequence[Sequence[str]], header: Sequence[str], width: int | None) -> Iterator[str]:
    """The lines of a table, its header first; without a width each row is one line."""
    cells = [[" ".join(text.splitlines()) for text in row] for row in rows]
    widths = _widths([header, *cells], width)
    for row in (header, *cells):
        wrapped = [_wrap(text, room) for text, room in zip(row, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            line = GAP.join(
                part + " " * (room - cell_len(part))
                for part, room in zip(parts, widths, strict=True)
            )
            yield line.rstrip()


def _first(lines: Iterator[str]) -> Iterator[str]:
    yield click.style(next(lines), bold=True)
    yield from lines


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    if width is None:
        return widths
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    sentences = [n for n in range(len(widths)) if any(" " in row[n] for row in rows[1:])]
    while over > 0 and sentences:
        widest = max(sentences, key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
        over -= 1
    return widths


def _wrap(text: str, width: int) -> list[str]:
    if cell_len(text) <= width or " " not in text:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
