"""Read a users file as a stream: each row with its line, its cells and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

from bulkhead.errors import InvalidInput
from bulkhead.model.text import has_surrogate, readable
from bulkhead.model.user import UserMapping, mapping_of, plain, problem_in
from producers.rows.errors_file import ADDED, as_it_was
from producers.rows.formula import may_hold_neutralised, restore
from producers.rows.row import LONGEST_CELL, Row, Rows, not_text, too_long
from producers.rows.source import Source

DELIMITERS = (",", ";", "\t")
_UNREAD = MappingProxyType({"|": "`|`"})
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class CsvRows(Rows):
    """The rows of one CSV file, read once; see `Rows`."""

    format = "csv"

    def __init__(self, source: Source, explicit: Mapping[str, str] = _NO_FIELDS) -> None:
        super().__init__(source)
        self._has_marks = False
        self._line = ""
        # Process-wide in Python's csv; every reader of ours wants the same.
        csv.field_size_limit(LONGEST_CELL)
        pieces = self._watched(source.pieces())
        first = next(pieces, "")
        self.delimiter = _delimiter_of(first, source.name, explicit)
        lines = self._remembered(chain([first], pieces))
        # Strict, because a quote left open closes at the next one: lenient reading would then
        # lose the rows in between without a word.
        self._reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        self._header = self._read_header()
        self._is_errors_file = set(ADDED) <= set(self._header)
        self._mapping = mapping_of(self._header, explicit)
        rest = self._read()
        peeked = next(rest, None)
        if peeked is None:
            raise _header_only(source.name)
        self._rows = chain([peeked], rest)

    @property
    def columns(self) -> list[str | None]:
        """The cells of the header."""
        return [*self._header]

    @property
    def mapping(self) -> UserMapping:
        """Which column means which field."""
        return self._mapping

    def _watched(self, pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            # Stays true: a row may begin in one piece and end in the next.
            self._has_marks = self._has_marks or may_hold_neutralised(piece)
            yield piece

    def _remembered(self, pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            for line in io.StringIO(piece, newline=""):
                self._line = line
                yield line

    def _read(self) -> Iterator[Row]:
        reader, source, mapping = self._reader, self._source, self._mapping
        line = reader.line_num + 1
        while True:
            try:
                for cells in reader:
                    if len(cells) > 1 or not _is_blank(cells):
                        self.count += 1
                        if self._has_marks or self._is_errors_file or source.has_bad_bytes:
                            yield self._repaired(line, cells)
                        else:
                            yield Row(line, cells, problem_in(mapping, cells))
                    line = reader.line_num + 1
                return
            except csv.Error as error:
                self.count += 1
                yield self._rescued(line, error)
                # Python's csv goes on with the next line.
                line = reader.line_num + 1

    def _repaired(self, line: int, cells: list[str]) -> Row:
        if self._has_marks:
            cells = [restore(cell) for cell in cells]
        if self._is_errors_file:
            cells = as_it_was(cells)
        if self._source.has_bad_bytes and has_surrogate(cells):
            problem = not_text(cells, self._source.encoding.upper())
            return Row(line, [readable(cell) for cell in cells], problem)
        return Row(line, cells, problem_in(self._mapping, cells))

    def _rescued(self, line: int, error: csv.Error) -> Row:
        """A row with a stray quote, read as it stands if it keeps to its own line."""
        if self._reader.line_num > line or "end of data" in str(error):
            raise _open_quote(self._source.name, line) from error
        try:
            cells = next(csv.reader([self._line], delimiter=self.delimiter))
        except csv.Error:
            return Row(line, [], too_long())
        if cells[-1].endswith(("\n", "\r")):
            raise _open_quote(self._source.name, line) from error
        return self._repaired(line, cells)

    def _read_header(self) -> list[str]:
        name = self._source.name
        try:
            header = next((cells for cells in self._reader if any(map(str.strip, cells))), None)
        except csv.Error as error:
            raise _open_quote(name, 1) from error
        if header is None:
            raise _empty(name)
        if has_surrogate(header):
            raise _foreign_header(name, self._source.encoding.upper())
        return [restore(cell) for cell in header]


def _delimiter_of(text: str, name: str, explicit: Mapping[str, str]) -> str:
    """The separator that makes an address column appear; a comma if none does."""
    wanted = {plain(column) for column, field in explicit.items() if plain(field) == "address"}
    for delimiter in (*DELIMITERS, *_UNREAD):
        header = _first_record(text, delimiter)
        if not (wanted or {"address"}).isdisjoint(map(plain, header)):
            if delimiter in _UNREAD:
                raise _unread_delimiter(name, _UNREAD[delimiter])
            return delimiter
    # No address either way: the one that separates most shows the columns best.
    return max(DELIMITERS, key=lambda delimiter: len(_first_record(text, delimiter)))


def _first_record(text: str, delimiter: str) -> Sequence[str]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next((cells for cells in lines if any(map(str.strip, cells))), [])
    except csv.Error:
        return []


def _is_blank(cells: Sequence[str]) -> bool:
    # A single empty cell was written as "", so somebody meant a row.
    return not cells or cells[0].isspace()


def _empty(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is empty.",
        why="A users file has a header with an `address` column, then one row a user.",
        to_do="Check that the export was finished; `bulkhead users template --format csv` "
        "prints an example.",
    )


def _header_only(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` has a header and no rows.",
        why="There is nobody in it to import.",
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


def _unread_delimiter(name: str, delimiter: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` has no `address` column that can be found.",
        why=f"Its columns seem to be separated by {delimiter}, which is not read.",
        to_do="Save it as CSV with commas, semicolons or tabs between the columns.",
    )
