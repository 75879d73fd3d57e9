"""What every reader of rows gives, whatever the file's format, and how a file is to be read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bulkhead.model.batch import Batch
from bulkhead.model.shape import USERS, RowMapping, Shape
from bulkhead.model.text import has_surrogate
from bulkhead.model.user import Problem, problem_of
from producers.rows.source import Source

Format = Literal["csv", "jsonl"]
LONGEST_CELL = 1024 * 1024
"""Characters."""


class Row(NamedTuple):
    """One row of the file. A tuple, because a large file makes millions of them.

    `line` is where the row begins, 1 for the first line of the file. `cells` are as in the file,
    except that formula marks are taken off in CSV, and what cannot be read as text is �.
    """

    line: int
    cells: list[str]
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How a file is to be read; what is left out is found by looking at the file."""

    format: Format | None = None
    encoding: str | None = None
    """A name that Python's codecs know; without one, a byte order mark decides, else UTF-8."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Column or member → the field that it means; wins over the names."""
    shape: Shape = USERS
    """What the rows are about."""


class Rows(ABC):
    """The rows of one file, read once; iterating raises InvalidInput if the file is unusable.

    `sha256` and `bytes` are those of the file as given (packed, if it is), and with `count` are
    whole when the iteration has ended; so are the `columns` of JSON Lines.
    """

    format: Format
    _batches: Iterator[Batch]

    def __init__(self, source: Source) -> None:
        self.count = 0
        self._source = source
        self._rows = rows_of(self.batches())

    @property
    @abstractmethod
    def columns(self) -> list[str | None]:
        """The columns' names; None for one that no object had a member for."""

    @property
    @abstractmethod
    def mapping(self) -> RowMapping:
        """Which column means which field."""

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
        sent, columns = self.mapping.columns, self.columns
        others = (name or "" for place, name in enumerate(columns) if place not in sent)
        return [name for name in others if name.strip() and not name.startswith("_")]

    def batches(self) -> Iterator[Batch]:
        """Each row once, many at a time."""
        yield from self._batches

    def __iter__(self) -> Iterator[Row]:
        """Each row once."""
        return self._rows


def rows_of(batches: Iterable[Batch]) -> Iterator[Row]:
    """The same rows, one by one."""
    for lines, cells, problems in batches:
        for place, (line, row) in enumerate(zip(lines, cells, strict=True)):
            yield Row(line, row, problems.get(place))


def not_text(cells: Sequence[str], encoding: str) -> Problem:
    """The problem of a row with bytes that are not of the file's encoding."""
    place = next(place for place, cell in enumerate(cells) if has_surrogate([cell]))
    where = f"Cell {place + 1} of the row" if len(cells) > 1 else "The row"
    return problem_of("INVALID_UTF8", f"{where} has bytes that are not {encoding}.")


def too_long() -> Problem:
    """The problem of a row with a cell that is longer than any may be."""
    message = f"A cell of the row is longer than {LONGEST_CELL:,} characters."
    return problem_of("BODY_TOO_LARGE", message)
