"""What an import would say of a file, found without a store."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bulkhead.model.code import CODES
from bulkhead.model.duplicates import NO_PART, Comparison, Hashes
from bulkhead.model.shape import RowMapping
from producers.rows.row import Row

FIRST_LINES = 5


class Survey:
    """Counts what is right and wrong with every row, in about twenty-four bytes a row.

    Rows that repeat an address are told apart by two 64-bit hashes, for they cannot be read
    again: of the address, and of all cells. Raises InvalidInput as the rows do.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        mapping: RowMapping | Mapping[str, int],
        columns: Sequence[str | None],
    ) -> None:
        self.invalid = 0
        self.skipped = 0
        self.repeated = array("I")
        """The rows, counted from 0, that repeat an earlier one's address."""
        self._lines: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}
        hashes, cells_hashes, lines = Hashes(), array("q"), array("I")
        places = dict(mapping) if isinstance(mapping, Mapping) else asdict(mapping)
        comparison = Comparison(places, columns)
        for line, cells, problem in rows:
            lines.append(line)
            if problem is not None:
                self._count(problem.code, line)
            hashed = problem is None and bool(comparison.address(cells))
            hashes.extend((hash(comparison.address(cells)) if hashed else NO_PART,))
            cells_hashes.append(hash(tuple(comparison.counted(cells))) if hashed else 0)
        for row, first in hashes.followers():
            same = cells_hashes[row] == cells_hashes[first]
            self._count("DUPLICATE_IN_FILE" if same else "CONFLICTING_ROWS", lines[row])
            self.repeated.append(row)
        self.rows = len(lines)
        self.valid = self.rows - self.invalid - self.skipped

    def errors_by_code(self) -> list[dict[str, Any]]:
        """As in the job document: code, count, first lines, hint."""
        return [
            {
                "code": code,
                "count": count,
                "first_lines": self._lines[code],
                "hint": CODES[code].fix,
            }
            for code, count in self._counts.items()
        ]

    def _count(self, code: str, line: int) -> None:
        self._counts[code] = self._counts.get(code, 0) + 1
        first = self._lines.setdefault(code, [])
        if len(first) < FIRST_LINES:
            first.append(line)
        if code == "DUPLICATE_IN_FILE":
            self.skipped += 1
        else:
            self.invalid += 1
