"""What a benchmark found: rows held against their bars, tables, and figures for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

WORDS = ("bar", "measured", "verdict", "note")
"""Heads of columns that hold words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One quality, its bar, and what was measured; `met` is None where there is no figure."""

    quality: str
    bar: str
    measured: str
    met: bool | None
    note: str = ""

    @property
    def verdict(self) -> str:
        return {True: "met", False: "not met", None: "no figure"}[self.met]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; columns of WORDS stand to the left, figures to the right."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Sequence[str]]

    @property
    def left(self) -> Sequence[bool]:
        """For each column whether it stands to the left."""
        return [number == 0 or head in WORDS for number, head in enumerate(self.heads)]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that one question gave."""

    rows: Sequence[Row]
    tables: Sequence[Table] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Answer:
        rows = [Row(**row) for row in document["rows"]]
        tables = [Table(**table) for table in document["tables"]]
        return cls(rows, tables, document["figures"])


def joined(answers: Sequence[Answer]) -> Answer:
    """Several parts of one question as one answer."""
    rows = [row for answer in answers for row in answer.rows]
    tables = [table for answer in answers for table in answer.tables]
    figures: dict[str, Any] = {}
    for answer in answers:
        for name, found in answer.figures.items():
            # Figures of one kind, such as waits, stay together.
            both = isinstance(found, Mapping) and isinstance(figures.get(name), dict)
            figures[name] = figures[name] | found if both else found
    return Answer(rows, tables, figures)


def as_text(table: Table) -> str:
    """The table for a terminal."""
    lines = [list(table.heads), *map(list, table.lines)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [table.title] if table.title else []
    for line in lines:
        cells = zip(line, widths, table.left, strict=True)
        words = [cell.ljust(width) if left else cell.rjust(width) for cell, width, left in cells]
        shown.append("  ".join(words).rstrip())
    return "\n".join(shown)


def as_markdown(table: Table) -> str:
    """The table for a page."""
    rule = ["---" if left else "---:" for left in table.left]
    lines = [table.heads, rule, *table.lines]
    cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join(f"| {line} |" for line in cells)


def bars(rows: Sequence[Row]) -> Table:
    """Every row against its bar."""
    lines = [(row.quality, row.bar, _with_note(row), row.verdict) for row in rows]
    return Table("", ("quality", "bar", "measured", "verdict"), lines)


def _with_note(row: Row) -> str:
    return f"{row.measured} ({row.note})" if row.note else row.measured
