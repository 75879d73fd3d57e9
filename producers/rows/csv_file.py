"""Read a users file as a stream: each row with its line, its cells and what is wrong with it."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from bulkhead.errors import InvalidInput
from bulkhead.model.user import (
    Problem,
    UserMapping,
    mapping_of,
    plain,
    problem_in,
    problem_of,
)
from producers.rows.formula import may_hold_neutralised, restore
from producers.rows.source import STDIN, Source, open_file

LONGEST_CELL = 1024 * 1024
"""Characters."""
DELIMITERS = (",", ";", "\t")
_UNREAD = MappingProxyType({"|": "`|`"})
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Row(NamedTuple):
    """One row of the file. A tuple, because a large file makes millions of them.

    `line` is where the row begins, 1 for the first line of the file. `cells` are as in the file,
    except that formula marks are taken off and bytes that are not UTF-8 are �.
    """

    line: int
    cells: list[str]
    problem: Problem | None


class Rows:
    """The rows of one file, read once; iterating raises InvalidInput if the file is unusable.

    `sha256`, `bytes` and `count` are those of the whole file when the iteration has ended.
    """

    def __init__(self, source: Source, explicit: Mapping[str, str] = _NO_FIELDS) -> None:
        self.count = 0
        self._source = source
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
        self.columns = self._read_header()
        self.mapping: UserMapping = mapping_of(self.columns, explicit)
        rest = self._read()
        peeked = next(rest, None)
        if peeked is None:
            raise _header_only(source.name)
        self._rows = chain([peeked], rest)

    @property
    def sha256(self) -> str:
        """Of the raw bytes read so far, in hexadecimal."""
        return self._source.sha256

    @property
    def bytes(self) -> int:
        """The number of raw bytes read so far."""
        return self._source.bytes

    @property
    def ignored_columns(self) -> list[str]:
        """Columns that are kept and not sent; those beginning with `_` are not mentioned."""
        sent = self.mapping.columns
        others = (name for place, name in enumerate(self.columns) if place not in sent)
        return [name for name in others if name.strip() and not name.startswith("_")]

    def __iter__(self) -> Iterator[Row]:
        return self._rows

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
        reader, source, mapping = self._reader, self._source, self.mapping
        line = reader.line_num + 1
        while True:
            try:
                for cells in reader:
                    if len(cells) > 1 or not _is_blank(cells):
                        self.count += 1
                        if self._has_marks or source.has_bad_bytes:
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
        if self._source.has_bad_bytes and _has_surrogate(cells):
            return Row(line, [_readable(cell) for cell in cells], _not_utf8(cells))
        return Row(line, cells, problem_in(self.mapping, cells))

    def _rescued(self, line: int, error: csv.Error) -> Row:
        """A row with a stray quote, read as it stands if it keeps to its own line."""
        if self._reader.line_num > line or "end of data" in str(error):
            raise _open_quote(self._source.name, line) from error
        try:
            cells = next(csv.reader([self._line], delimiter=self.delimiter))
        except csv.Error:
            message = f"A cell of the row is longer than {LONGEST_CELL:,} characters."
            return Row(line, [], problem_of("BODY_TOO_LARGE", message))
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
        if _has_surrogate(header):
            raise _foreign_header(name)
        return [restore(cell) for cell in header]


@contextmanager
def open_rows(
    path: str, stdin: BinaryIO | None = None, explicit: Mapping[str, str] = _NO_FIELDS
) -> Iterator[Rows]:
    """The rows of the file at `path`, or of stdin for `-`; `explicit` maps column → field.

    Raises InvalidInput at once for a file of the wrong kind, and while iterating for a quote that
    is never closed: send nothing before the last row was read.
    """
    if path == STDIN:
        yield Rows(Source(stdin or sys.stdin.buffer, "stdin"), explicit)
        return
    with open_file(path) as raw:
        yield Rows(Source(raw, path), explicit)


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


def _has_surrogate(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return True
    return False


def _readable(cell: str) -> str:
    return cell.encode(errors="surrogateescape").decode(errors="replace")


def _not_utf8(cells: Sequence[str]) -> Problem:
    place = next(place for place, cell in enumerate(cells) if _has_surrogate([cell]))
    return problem_of("INVALID_UTF8", f"Cell {place + 1} of the row has bytes that are not UTF-8.")


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


def _foreign_header(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is not UTF-8.",
        why="Its first line has bytes that UTF-8 does not allow.",
        to_do="Save it as CSV UTF-8, then import it again.",
    )


def _unread_delimiter(name: str, delimiter: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` has no `address` column that can be found.",
        why=f"Its columns seem to be separated by {delimiter}, which is not read.",
        to_do="Save it as CSV with commas, semicolons or tabs between the columns.",
    )
