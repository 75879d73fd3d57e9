"""Recipients given as objects or as bare names (JSON Lines, Python, messages) become rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from bulkhead.model.batch import Batch, gathered
from bulkhead.model.mapping import ABSENT, ANY_WIDTH, plain
from bulkhead.model.text import LOST, has_surrogate, readable
from bulkhead.model.user import Problem, UserMapping, problem_of

Of = Literal["groups", "users"]

GID, ADDRESS = "gid", "address"
MOST_COLUMNS = 1_000
LONGEST_WORD = 1_000
"""Characters that a row keeps of what is no recipient at all."""


class RecipientObjects:
    """Gives every object its row; the columns grow with the members that are seen."""

    def __init__(self) -> None:
        self.columns: list[str | None] = [GID, ADDRESS]
        self.mapping = UserMapping(width=ANY_WIDTH, address=1)
        self._places = {GID: 0, ADDRESS: 1}

    def row(self, one: Mapping[str, Any]) -> tuple[list[str], Problem | None]:
        """The object's row, and what is wrong with it; what is no text is as JSON writes it."""
        cells, problem, filled = [""] * len(self.columns), None, set[int]()
        for name, value in one.items():
            place = self._place(str(name))
            if place in filled:
                problem = problem_of("DOUBLED_MEMBER", "Two members mean the same column.")
            if place == ABSENT:
                problem = problem_of("TOO_MANY_CELLS", _TOO_MANY)
                continue
            filled.add(place)
            cells.extend([""] * (place + 1 - len(cells)))
            cells[place] = _written(value)
            if cells[place] == LOST:
                problem = problem_of("UNSENDABLE", f"`{name}` cannot be written as text.")
        if has_surrogate(cells):
            problem = problem or problem_of("INVALID_UTF8", "A value has half a character.")
            cells = [readable(cell) for cell in cells]
        return cells, problem

    def row_of_text(self, column: str, text: str) -> list[str]:
        """A row for what was no object: its text, in a column of its own."""
        return self.row({column: text})[0]

    def close(self) -> None:
        """To be called after the last object; nothing is demanded of them together."""

    def _place(self, name: str) -> int:
        place = self._places.get(plain(name))
        if place is None:
            if len(self.columns) >= MOST_COLUMNS:
                return ABSENT
            place = self._places[plain(name)] = len(self.columns)
            self.columns.append(readable(name))
        return place


def batches_of(found: Iterable[object], of: Of, objects: RecipientObjects) -> Iterator[Batch]:
    """Each recipient once: a gid, a custom_id or an address by itself, or an object with one."""
    return gathered(_rows(found, GID if of == "groups" else ADDRESS, objects))


def _rows(
    found: Iterable[object], column: str, objects: RecipientObjects
) -> Iterator[tuple[int, list[str], Problem | None]]:
    for line, one in enumerate(found, 1):
        if isinstance(one, Mapping):
            yield line, *objects.row(one)
        elif isinstance(one, str) or (isinstance(one, int) and not isinstance(one, bool)):
            yield line, *objects.row({column: one})
        else:
            message = f"The recipient is of the type {type(one).__name__}."
            cells = objects.row_of_text(column, repr(one)[:LONGEST_WORD])
            yield line, cells, problem_of("NOT_AN_OBJECT", message)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return LOST


_TOO_MANY = f"The objects have more than {MOST_COLUMNS:,} different members."
