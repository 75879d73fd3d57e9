"""Read a users file as a stream: each row with its line, its cells and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.errors import InvalidInput
from bulkhead.model.batch import AT_ONCE, Batch
from bulkhead.model.mapping import plain
from bulkhead.model.shape import USERS, RowMapping, Shape
from bulkhead.model.text import has_surrogate, readable
from bulkhead.model.user import Problem
from producers.rows.errors_file import ADDED, as_it_was
from producers.rows.formula import may_hold_neutralised, restore
from producers.rows.records import Records
from producers.rows.row import LONGEST_CELL, Rows, not_text, too_long
from producers.rows.source import Source

DELIMITERS = (",", ";", "\t")
_UNREAD = MappingProxyType({"|": "`|`"})
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class _Found(NamedTuple):
    """What is to become a batch."""

    lines: list[int]
    cells: list[list[str]]
    problems: dict[int, Problem]

    def add(self, line: int, cells: list[str]) -> None:
        self.lines.append(line)
        self.cells.append(cells)


class CsvRows(Rows):
    """The rows of one CSV file, read once; see `Rows`."""

    format = "csv"

    def __init__(
        self, source: Source, explicit: Mapping[str, str] = _NO_FIELDS, shape: Shape = USERS
    ) -> None:
        super().__init__(source)
        self._shape = shape
        self._has_marks = False
        # Process-wide in Python's csv; every reader of ours wants the same.
        csv.field_size_limit(LONGEST_CELL)
        pieces = self._watched(source.pieces())
        first = next(pieces, "")
        self.delimiter = _delimiter_of(first, source.name, self._known_by(explicit), shape)
        self._records = Records(chain([first], pieces), self.delimiter)
        self._header = self._read_header()
        self._is_errors_file = set(ADDED) <= set(self._header)
        self._mapping = self._mapped(self._header, explicit)
        rest = self._read()
        peeked = next(rest, None)
        if peeked is None:
            raise _header_only(source.name, shape)
        self._batches = chain([peeked], rest)

    @property
    def columns(self) -> list[str | None]:
        """The cells of the header."""
        return [*self._header]

    @property
    def mapping(self) -> RowMapping:
        """Which column means which field."""
        return self._mapping

    def _known_by(self, explicit: Mapping[str, str]) -> frozenset[str]:
        """The columns of which one at least must be there."""
        needed = self._shape.needed
        wanted = {plain(column) for column, field in explicit.items() if plain(field) in needed}
        return frozenset(wanted or needed)

    def _mapped(self, header: Sequence[str], explicit: Mapping[str, str]) -> RowMapping:
        return self._shape.mapping_of(header, explicit)

    def _problems_in(self, rows: Sequence[Sequence[str]]) -> dict[int, Problem]:
        return self._shape.problems_in(self._mapping, rows)

    def _watched(self, pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            # Stays true: a row may begin in one piece and end in the next.
            self._has_marks = self._has_marks or may_hold_neutralised(piece)
            yield piece

    def _read(self) -> Iterator[Batch]:
        ended = False
        while not ended:
            found = _Found([], [], {})
            while len(found.cells) < AT_ONCE and not ended:
                self._take_several(found)
                ended = not self._take_next(found)
            if found.cells:
                yield self._checked(found)

    def _take_several(self, found: _Found) -> None:
        first = self._records.lines_read + 1
        rows = self._records.several()
        if rows and min(map(len, rows)) > 1:
            found.lines.extend(range(first, first + len(rows)))
            found.cells.extend(rows)
            return
        for line, cells in enumerate(rows, first):
            if not _is_blank(cells):
                found.add(line, cells)

    def _take_next(self, found: _Found) -> bool:
        line = self._records.lines_read + 1
        try:
            cells = self._records.next()
        except csv.Error as error:
            self._rescue(found, line, error)
            return True
        if cells and not _is_blank(cells):
            found.add(line, cells)
        return cells is not None

    def _rescue(self, found: _Found, line: int, error: csv.Error) -> None:
        """Take a row with a stray quote, read as it stands if it keeps to its own line."""
        if self._records.lines_read > line or "end of data" in str(error):
            raise _open_quote(self._source.name, line) from error
        try:
            cells = next(csv.reader([self._records.line], delimiter=self.delimiter))
        except csv.Error:
            found.problems[len(found.cells)] = too_long()
            found.add(line, [])
            return
        if cells[-1].endswith(("\n", "\r")):
            raise _open_quote(self._source.name, line) from error
        found.add(line, cells)

    def _checked(self, found: _Found) -> Batch:
        lines, rows, problems = found
        self.count += len(rows)
        if self._has_marks:
            rows = [[restore(cell) for cell in cells] for cells in rows]
        if self._is_errors_file:
            rows = list(map(as_it_was, rows))
        if self._source.has_bad_bytes:
            encoding = self._source.encoding.upper()
            for place, cells in enumerate(rows):
                if has_surrogate(cells):
                    problems[place] = not_text(cells, encoding)
                    rows[place] = [readable(cell) for cell in cells]
        found_wrong = self._problems_in(rows)
        if problems:
            problems = dict(sorted({**found_wrong, **problems}.items()))
            return Batch(lines, rows, problems)
        return Batch(lines, rows, found_wrong)

    def _read_header(self) -> list[str]:
        name = self._source.name
        try:
            header = next(
                (cells for cells in iter(self._records.next, None) if any(map(str.strip, cells))),
                None,
            )
        except csv.Error as error:
            raise _open_quote(name, 1) from error
        if header is None:
            raise _empty(name, self._shape)
        if has_surrogate(header):
            raise _foreign_header(name, self._source.encoding.upper())
        return [restore(cell) for cell in header]


def _delimiter_of(text: str, name: str, wanted: frozenset[str], shape: Shape) -> str:
    """The separator that makes a wanted column appear; a comma if none does."""
    for delimiter in (*DELIMITERS, *_UNREAD):
        header = _first_record(text, delimiter)
        if not wanted.isdisjoint(map(plain, header)):
            if delimiter in _UNREAD:
                raise _unread_delimiter(name, _UNREAD[delimiter], shape)
            return delimiter
    # None of them either way: the one that separates most shows the columns best.
    return max(DELIMITERS, key=lambda delimiter: len(_first_record(text, delimiter)))


def _first_record(text: str, delimiter: str) -> Sequence[str]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next((cells for cells in lines if any(map(str.strip, cells))), [])
    except csv.Error:
        return []


def _is_blank(cells: Sequence[str]) -> bool:
    # A single empty cell was written as "", so somebody meant a row.
    return not cells or (len(cells) == 1 and cells[0].isspace())


def _empty(name: str, shape: Shape) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is empty.",
        why=f"A {shape.noun}s file has a header with {shape.needs} column, then one row a "
        f"{shape.noun}.",
        to_do=f"Check that the export was finished; `bulkhead {shape.noun}s template --format csv` "
        "prints an example.",
    )


def _header_only(name: str, shape: Shape) -> InvalidInput:
    return InvalidInput(
        f"`{name}` has a header and no rows.",
        why=f"There is no {shape.noun} in it.",
        to_do="Check that the export was finished, then import the file again.",
    )


def _open_quote(name: str, line: int) -> InvalidInput:
    return InvalidInput(
        f'A quote (") in `{name}` is not closed where it should be.',
        why=f"It opens in the row that begins on line {line}, and runs on into other rows.",
        to_do='Close the quote there, or write "" for a quote that belongs to the text.',
    )


def _foreign_header(name: str, encoding: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is not {encoding}.",
        why=f"Its first line has bytes that {encoding} does not allow.",
        to_do="Save it as CSV UTF-8, or name what it is in with `--encoding`.",
    )


def _unread_delimiter(name: str, delimiter: str, shape: Shape) -> InvalidInput:
    return InvalidInput(
        f"`{name}` has no `{shape.needed[0]}` column that can be found.",
        why=f"Its columns seem to be separated by {delimiter}, which is not read.",
        to_do="Save it as CSV with commas, semicolons or tabs between the columns.",
    )
