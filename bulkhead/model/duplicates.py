"""Which rows of an input repeat the address of an earlier one, found in little memory.

While rows are read, a 64-bit hash of each address is kept. Rows whose hashes agree are compared
exactly afterwards, when they can be read back.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from bulkhead.model.user import BLANKS

NO_PART = -1
"""The hash of a row that takes no part; Python's `hash` is never -1."""
BUCKETS = 256
COMPARED_AT_ONCE = 20_000
"""Rows that wait for their first ones to be read: about 5 MiB."""


class Repeat(NamedTuple):
    """A row whose address an earlier one has, by the lines of both; `same` if all cells agree."""

    row: int
    line: int
    first_line: int
    same: bool
    what: str = "address"
    """What both lines have in common."""

    @property
    def code(self) -> str:
        """The code of the row."""
        return "DUPLICATE_IN_FILE" if self.same else "CONFLICTING_ROWS"

    @property
    def message(self) -> str:
        """What is wrong with the row, naming both lines."""
        if self.same:
            return f"Line {self.line} says the same as line {self.first_line}, which counts."
        return f"Line {self.line} has the {self.what} of line {self.first_line} and other cells."


def is_of_groups(mapping: Mapping[str, int]) -> bool:
    """Whether rows are about groups that are made, changed or deleted."""
    return "members" in mapping


def places_of(mapping: Mapping[str, int]) -> tuple[int, ...]:
    """The columns that say whom a row is about, the first that is filled; none of a lone call."""
    names = ("gid", "address", "custom_id") if is_of_groups(mapping) else ("address",)
    return tuple(place for name in names if (place := mapping.get(name, -1)) >= 0)


def whom(places: Sequence[int], cells: Sequence[Any]) -> str:
    """Whom the row is about, empty for nobody that is named; of several columns, in which."""
    if len(places) == 1:
        return str(cells[places[0]]).strip(BLANKS) if places[0] < len(cells) else ""
    for place in places:
        name = cells[place].strip(BLANKS) if place < len(cells) else ""
        if name:
            return f"{place}:{name}"
    return ""


def hashes_of_named(
    rows: Sequence[Sequence[Any]], places: Sequence[int], bad: Container[int]
) -> list[int]:
    """The same of rows of which not every one is about somebody, or not in the same column."""
    named = ("" if at in bad else whom(places, row) for at, row in enumerate(rows))
    return [hash(name) if name else NO_PART for name in named]


def hashes_of(
    rows: Sequence[Sequence[Any]], place: int, bad: Container[int], group: int = -1
) -> list[int]:
    """The hash of the address in each row's cell `place`; NO_PART for the `bad` ones.

    Of a row with a group in its cell `group`, if there is such a column, that is what counts.
    """
    if group >= 0:
        named = (f"{row[group]}," if row[group] else row[place].strip(BLANKS) for row in rows)
        return [NO_PART if at in bad else hash(name) for at, name in enumerate(named)]
    # Twice the same line, because most files have next to no bad row.
    if not bad:
        return [hash(row[place].strip(BLANKS)) for row in rows]
    return [NO_PART if at in bad else hash(row[place].strip(BLANKS)) for at, row in enumerate(rows)]


class Hashes:
    """The hashes of all rows in order: eight bytes a row, and five more while they are searched."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def extend(self, hashes: Iterable[int]) -> None:
        """Append the hashes of further rows; NO_PART for a row that is not to be compared."""
        self._hashes.extend(hashes)

    def followers(self) -> Iterator[tuple[int, int]]:
        """(row, first row with the same hash), in order; to be asked once."""
        hashes, marks = self._hashes, bytearray(len(self._hashes) // 8 + 1)
        buckets = self._buckets()
        while buckets:
            rows = buckets.pop()
            # Nearly every bucket passes this line; the set has each hash once, however many rows.
            if len(set(map(hashes.__getitem__, rows))) == len(rows):
                continue
            firsts: dict[int, int] = {}
            for row in rows:
                first = firsts.setdefault(hashes[row], row)
                if first != row:
                    hashes[row] = first
                    marks[row >> 3] |= 1 << (row & 7)
        return _marked(marks, hashes)

    def _buckets(self) -> list[array[int]]:
        buckets = [array("I") for _ in range(BUCKETS)]
        appends = [bucket.append for bucket in buckets]
        # One byte of each hash, whichever the machine stores first, chooses the bucket.
        bytes_of_all = memoryview(self._hashes).cast("B")
        for row, byte in enumerate(bytes_of_all[:: self._hashes.itemsize].tobytes()):
            appends[byte](row)
        # All its bytes are the same, so the bucket is known.
        last = buckets[NO_PART & 0xFF]
        buckets[NO_PART & 0xFF] = array("I", (r for r in last if self._hashes[r] != NO_PART))
        return buckets


class Comparison:
    """What makes two rows the same: whom they are about, and all cells that count.

    `mapping` is field → number of its column. Columns that are not sent and whose name begins
    with `_` do not count, nor do blanks around a cell and empty cells at the end. By which of its
    names a group of recipients was found does not count either, unless its message says it.
    """

    def __init__(self, mapping: Mapping[str, int], columns: Sequence[str | None]) -> None:
        self._places = places_of(mapping)
        self._what = "group" if is_of_groups(mapping) else "address"
        self._group = mapping.get("group", -1)
        self._sent = frozenset(mapping.values())
        self._columns = columns
        self._looked_at = 0
        self._passed_over = _names_alone(mapping) if self._group >= 0 else []

    def address(self, cells: Sequence[str]) -> str:
        """Whom the row is about: of a user the address as it is sent.

        Of a group of recipients its gid and a comma, which no address has.
        """
        if self._group >= 0 and cells[self._group]:
            return f"{cells[self._group]},"
        return whom(self._places, cells)

    @property
    def what(self) -> str:
        """What rows that are about the same have in common, for a message."""
        return self._what

    def counted(self, cells: Sequence[str]) -> list[str]:
        """The cells as they count: two rows are the same if these agree."""
        kept = [cell.strip() for cell in cells]
        if len(self._places) == 1 and self._places[0] < len(kept):
            kept[self._places[0]] = self.address(cells)
        if self._looked_at < len(self._columns):
            self._look()
        for place in self._passed_over:
            if place < len(kept):
                kept[place] = ""
        while kept and not kept[-1]:
            kept.pop()
        return kept

    def digest(self, cells: Sequence[str]) -> bytes:
        """Sixteen bytes that are the same for rows that are the same, and no others."""
        return hashlib.blake2b(repr(self.counted(cells)).encode(), digest_size=16).digest()

    def _look(self) -> None:
        # The columns of objects grow while they are read.
        for place in range(self._looked_at, len(self._columns)):
            if (self._columns[place] or "")[:1] == "_" and place not in self._sent:
                self._passed_over.append(place)
        self._looked_at = len(self._columns)


def _names_alone(mapping: Mapping[str, int]) -> list[int]:
    """The column of the custom_ids of recipients, if it fills no variable too."""
    place = mapping.get("custom_id", -1)
    return [place] if list(mapping.values()).count(place) == 1 else []


class _First(NamedTuple):
    line: int
    address: str
    digest: bytes


class Repeats:
    """Compares rows that hash alike, reading them back in order, some thousands at a time."""

    def __init__(
        self, comparison: Comparison, read: Callable[[int], Sequence[Sequence[Any]]], size: int
    ) -> None:
        self._comparison = comparison
        self._read = read
        self._size = size
        # Two addresses with one hash: next to never, and then exact all the same.
        self._others: dict[str, _First] = {}

    def of(self, followers: Iterator[tuple[int, int]]) -> Iterator[Repeat]:
        """Each row that repeats an earlier one, in order."""
        while batch := list(islice(followers, COMPARED_AT_ONCE)):
            firsts = dict(self._rows(sorted({first for _, first in batch})))
            leaders = dict(batch)
            for index, row in self._rows(leaders):
                repeat = self._compared(index, row, firsts[leaders[index]])
                if repeat is not None:
                    yield repeat

    def _compared(self, index: int, row: _First, first: _First) -> Repeat | None:
        if first.address != row.address:
            first = self._others.setdefault(row.address, row)
            if first is row:
                return None
        return Repeat(
            index, row.line, first.line, first.digest == row.digest, self._comparison.what
        )

    def _rows(self, indexes: Iterable[int]) -> Iterator[tuple[int, _First]]:
        number, told = -1, self._comparison
        rows: Sequence[Sequence[Any]] = ()
        for index in indexes:
            if index // self._size != number:
                number = index // self._size
                rows = self._read(number)
            line, *cells = rows[index % self._size]
            yield index, _First(line, told.address(cells), told.digest(cells))


def _marked(marks: bytearray, hashes: array[int]) -> Iterator[tuple[int, int]]:
    for place, byte in enumerate(marks):
        if byte:
            for row in range(place * 8, place * 8 + 8):
                if byte >> (row & 7) & 1:
                    yield row, hashes[row]
