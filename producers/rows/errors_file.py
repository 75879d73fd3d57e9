"""Write the rows that failed, so that a person fixes the cells and imports the same file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TextIO

from producers.rows.formula import neutralise

ADDED = ("_line", "_code", "_message", "_hint")
MISSING = "<missing>"
"""Stands in each cell that a row had too few: an empty one would pass for mended."""


class FailedRow(NamedTuple):
    """A row as the job keeps it, and why it failed."""

    line: int
    cells: Sequence[str]
    code: str
    message: str
    hint: str


def as_it_was(cells: list[str]) -> list[str]:
    """A row of an errors file, as short as it was where nobody filled in what is missing."""
    return cells[: cells.index(MISSING)] if MISSING in cells else cells


def write_errors(
    columns: Sequence[str | None],
    rows: Iterable[FailedRow | tuple[int, Sequence[str], str, str, str]],
    out: TextIO,
) -> int:
    """Write the header and every row, cell for cell, and return how many rows there were.

    `out` must be open with newline="" and in UTF-8. Our own columns from an earlier errors file
    are replaced, and a column that is None is left out. A row that was refused as too short has
    MISSING where it had no cell; any other short one (an object) is filled up with empty cells.
    The cells that a long row has too many follow our columns, so that each of ours stands under
    its name.
    """
    # CRLF, because Python's csv quotes a cell with a lone CR only when CR is in the line end.
    writer = csv.writer(out, lineterminator="\r\n")
    named = [(place, name) for place, name in enumerate(columns) if name is not None]
    kept = [(place, name) for place, name in named if name not in ADDED]
    width, count = len(columns), 0
    writer.writerow([*(neutralise(name) for _, name in kept), *ADDED])
    for line, cells, code, message, hint in rows:
        filler = MISSING if code == "TOO_FEW_CELLS" else ""
        full = [*map(neutralise, cells), *[filler] * (width - len(cells))]
        ours = (line, code, neutralise(message), neutralise(hint))
        writer.writerow([*(full[place] for place, _ in kept), *ours, *full[width:]])
        count += 1
    return count
