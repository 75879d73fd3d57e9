"""Open a file of recipients: groups, people or both, as a list of names or as a table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from bulkhead.audience import Part
from bulkhead.errors import InvalidInput
from bulkhead.model.batch import gathered
from bulkhead.model.mapping import ABSENT, listed, plain
from bulkhead.model.shape import Shape
from bulkhead.model.text import has_surrogate, readable
from bulkhead.model.user import Problem, UserMapping, wrong_width
from bulkhead.recipients import ADDRESS, GID, Of, RecipientObjects, batches_of
from producers.rows.csv_file import DELIMITERS, CsvRows
from producers.rows.json_file import JsonRows, looks_like_json
from producers.rows.open_input import JSON_NAMES
from producers.rows.row import LONGEST_CELL, Rows, not_text, too_long
from producers.rows.source import STDIN, Source, open_file

KNOWN_BY = frozenset({GID, ADDRESS})
"""A table has one of these columns, or both."""
COLUMN: Mapping[Of, str] = {"groups": GID, "users": ADDRESS}
"""The one column of a list without a header."""
FILE_NAMES = (*JSON_NAMES, ".csv", ".tsv", ".txt", ".gz")


@contextmanager
def open_recipients(path: str, of: Of, stdin: BinaryIO | None = None) -> Iterator[Part]:
    """The recipients in the file at `path`, or on stdin for `-`.

    Raises InvalidInput at once for a file of the wrong kind, and while reading for what shows
    only then: send nothing before the last row was read.
    """
    if path == STDIN:
        yield _part(Source(stdin or sys.stdin.buffer, "stdin"), of)
        return
    with open_file(path) as raw:
        yield _part(Source(raw, path), of)


def named_groups(words: str) -> Part:
    """The groups of a comma list: gids, or custom_ids of our record."""
    objects = RecipientObjects()
    found = [word.strip() for word in words.split(",")]
    rows = batches_of([word for word in found if word], "groups", objects)
    return Part("groups", objects.columns, rows, lambda: {"format": "words"})


def looks_like_file(text: str) -> bool:
    """True for `-`, and for what is written as a file's name, even of one that is not there."""
    return text == STDIN or "/" in text or text.lower().endswith(FILE_NAMES)


def _part(source: Source, of: Of) -> Part:
    rows = _rows(source, of)

    def describe() -> dict[str, object]:
        told = {"sha256": rows.sha256, "rows": rows.count, "bytes": rows.bytes}
        return {**told, "format": rows.format}

    if isinstance(rows, _Table | _Objects):
        return Part(of, rows.columns, rows.batches(), describe)
    return Part(of, rows.columns, rows.batches(), lambda: {**describe(), "format": "list"})


def _rows(source: Source, of: Of) -> Rows:
    name = source.name.lower().removesuffix(".gz")
    if name.endswith(JSON_NAMES) or looks_like_json(source.peek):
        return _Objects(source)
    first = source.peek.partition("\n")[0]
    cells = [_cells(first, delimiter) for delimiter in DELIMITERS]
    if any(not KNOWN_BY.isdisjoint(map(plain, found)) for found in cells):
        return _Table(source)
    header = max(cells, key=len)
    if len(header) > 1:
        raise InvalidInput(
            f"`{source.name}` has no `gid` and no `address` column.",
            why=f"Its first line is {listed(header)}.",
            to_do="Name the column of the recipients `gid` or `address`; without a header write "
            "one gid or address a line.",
        )
    if not first.strip():
        raise InvalidInput(
            f"`{source.name}` is empty.",
            why="A recipients file has one gid or address a line, or a column of them.",
            to_do="Check that the export was finished.",
        )
    return _List(source, of)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


class _Table(CsvRows):
    """CSV with a header; its other columns are there for variables, and not looked at."""

    def _known_by(self, explicit: Mapping[str, str]) -> frozenset[str]:
        return KNOWN_BY

    def _mapped(self, header: Sequence[str], explicit: Mapping[str, str]) -> UserMapping:
        names = [plain(name) for name in header]
        for name in KNOWN_BY:
            if names.count(name) > 1:
                raise InvalidInput(
                    f"Two columns are named `{name}`.",
                    why="Nothing says which one counts.",
                    to_do="Rename or remove one of them.",
                )
        return UserMapping(len(header), names.index(ADDRESS) if ADDRESS in names else ABSENT)

    def _problems_in(self, rows: Sequence[Sequence[str]]) -> dict[int, Problem]:
        width = self.mapping.width
        return {
            place: wrong_width(width, len(cells))
            for place, cells in enumerate(rows)
            if len(cells) != width
        }


class _Objects(JsonRows):
    """JSON Lines, an object a recipient."""

    def _made(self, explicit: Mapping[str, str], shape: Shape) -> RecipientObjects:
        return RecipientObjects()


class _List(Rows):
    """One gid or address a line, without a header."""

    format = "csv"

    def __init__(self, source: Source, of: Of) -> None:
        super().__init__(source)
        self._columns: list[str | None] = [COLUMN[of]]
        self._batches = gathered(self._read())

    @property
    def columns(self) -> list[str | None]:
        """The one column that there is."""
        return self._columns

    @property
    def mapping(self) -> UserMapping:
        """Where a person's address would be."""
        return UserMapping(1, 0)

    def _read(self) -> Iterator[tuple[int, list[str], Problem | None]]:
        number = 0
        for piece in self._source.pieces():
            lines = piece.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
            for text in lines.split("\n"):
                number += 1
                cell = text.strip()
                if not cell:
                    continue
                self.count += 1
                yield number, *self._checked(cell)

    def _checked(self, cell: str) -> tuple[list[str], Problem | None]:
        if len(cell) > LONGEST_CELL:
            return [], too_long()
        if self._source.has_bad_bytes and has_surrogate([cell]):
            return [readable(cell)], not_text([cell], self._source.encoding.upper())
        return [cell], None
