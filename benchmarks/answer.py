"""What a benchmark found: rows held against their bars, tables, and figures for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


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
    """Cells as they are shown; the first column is text, the others are figures."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Sequence[str]]


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


def as_text(table: Table) -> str:
    """The table for a terminal: the first column to the left, figures to the right."""
    lines = [list(table.heads), *map(list, table.lines)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [table.title] if table.title else []
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        shown.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(shown)


def as_markdown(table: Table) -> str:
    """The table for a page."""
    rule = ["---", *("---:" for _ in table.heads[1:])]
    lines = [table.heads, rule, *table.lines]
    cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join(f"| {line} |" for line in cells)


def bars(rows: Sequence[Row]) -> Table:
    """Every row against its bar."""
    lines = [(row.quality, row.bar, _with_note(row), row.verdict) for row in rows]
    return Table("", ("quality", "bar", "measured", ""), lines)


def _with_note(row: Row) -> str:
    return f"{row.measured} ({row.note})" if row.note else row.measured
