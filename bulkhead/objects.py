"""Rows given as objects (JSON Lines, Python, Celery messages) become rows of cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.mapping import field_named, plain
from bulkhead.model.shape import USERS, Shape
from bulkhead.model.text import has_surrogate, readable
from bulkhead.model.user import Problem, problem_of

MOST_COLUMNS = 1000
"""Every row may get a cell for each member that any object has, so there is an end to them."""
MOST_SPELLINGS = 10_000
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Number(str):
    """A number exactly as it was written, however large: what reads JSON for us keeps them so."""

    __slots__ = ()


class Objects:
    """Gives every object its row; the columns grow with the members that are seen.

    The fields of the shape come first, so the mapping is known before the first object is.
    `explicit` maps a member's name to the field it means, and wins over the names; InvalidInput
    if it names no field, or one twice.
    """

    def __init__(self, explicit: Mapping[str, str] | None = None, shape: Shape = USERS) -> None:
        self.columns: list[str | None] = list(shape.fields)
        self.mapping = shape.of_objects()
        self._shape = shape
        self._fields = shape.fields
        self._asked = dict(explicit or _NOTHING)
        self._places = _places(self._asked, shape.fields)
        self._spelled: dict[str, int] = {}
        self._seen: set[int] = set()
        self._has_doubles = False

    def row(self, one: Mapping[str, Any]) -> tuple[list[str], Problem | None]:
        """The object's row, and what is wrong with it.

        Text is kept as it is, everything else as JSON writes it, null as an empty cell.
        """
        cells = [""] * len(self.columns)
        problem = self._fill(cells, one)
        if has_surrogate(cells):
            if has_surrogate(cells[: len(self._fields)]):
                message = "A value that is sent has half a character, or bytes that are not text."
                problem = problem or problem_of("INVALID_UTF8", message)
            # What is not sent harms nothing, and must not end the whole input.
            cells = [readable(cell) for cell in cells]
        return cells, problem or self._shape.problem_in(self.mapping, cells)

    def cells(self, one: Mapping[str, Any]) -> list[str]:
        """The object's row alone; a value that cannot be written is an empty cell."""
        return self.row(one)[0]

    def row_of_text(self, column: str, text: str) -> list[str]:
        """A row for what was no object: its text, in a column of its own."""
        place = self._place(column)
        cells = [""] * len(self.columns)
        if place >= 0:
            cells[place] = readable(text)
        return cells

    def close(self) -> None:
        """To be called after the last object: the columns that none had are None from then on.

        Raises InvalidInput when no object had an address, or a member that `explicit` names.
        """
        found = [name or "" for place, name in enumerate(self.columns) if place in self._seen]
        for name in self._asked:
            if self._places[plain(name)] not in self._seen:
                raise InvalidInput(
                    f"No object has a member named `{name}`.",
                    why=f"`{name}` was mapped to `{self._asked[name]}`.",
                    to_do="Map a member that the objects have.",
                )
        if self._seen.isdisjoint(map(self._fields.index, self._shape.needed)):
            raise self._shape.missing(found)
        for place in range(len(self._fields)):
            if place not in self._seen:
                self.columns[place] = None

    def _fill(self, cells: list[str], one: Mapping[str, Any]) -> Problem | None:
        problem = None
        for name, value in one.items():
            place = self._spelled.get(name)
            if place is None:
                place = self._place(name if isinstance(name, str) else str(name))
                if place < 0:
                    problem = problem or _too_many()
                    continue
            if place >= len(cells):
                cells.extend([""] * (place + 1 - len(cells)))
            if type(value) is str:
                cells[place] = value
            elif value is not None:
                cells[place], wrong = self._written(value, place)
                problem = problem or wrong
        if self._has_doubles and len({self._place(str(name)) for name in one}) < len(one):
            problem = problem or problem_of("DOUBLED_MEMBER", "Two members mean the same field.")
        return problem

    def _written(self, value: Any, place: int) -> tuple[str, Problem | None]:
        """A value that is no text, as JSON writes it; with a problem where it cannot be sent."""
        if isinstance(value, str):
            return str(value), None
        field = self._fields[place] if place < len(self._fields) else ""
        told = f"`{field}`" if field else f"member {place + 1}"
        try:
            text = _json(value)
        except (TypeError, ValueError, RecursionError):
            message = f"The value of {told} cannot be written as JSON."
            return "", problem_of("UNSENDABLE", message)
        if not field or (isinstance(value, list | tuple) and field in self._shape.lists):
            return text, None
        if isinstance(value, list | tuple | Mapping):
            return text, _bad_value(told, "is a list or an object")
        if isinstance(value, bool) and field != "active":
            return text, _bad_value(told, "is true or false")
        return text, None

    def _place(self, name: str) -> int:
        """Its column, made where there is none; negative when there are too many."""
        place = self._places.get(plain(name))
        if place is None:
            if len(self.columns) >= MOST_COLUMNS:
                return -1
            place = self._places[plain(name)] = len(self.columns)
            self.columns.append(readable(name))
        if name not in self._spelled:
            if place in self._seen:
                self._has_doubles = True
            else:
                self._seen.add(place)
                self.columns[place] = readable(name)
            if len(self._spelled) < MOST_SPELLINGS:
                self._spelled[name] = place
        return place


def _places(asked: Mapping[str, str], fields: Sequence[str]) -> dict[str, int]:
    meant = {plain(name): field_named(field, fields) for name, field in asked.items()}
    for field in meant.values():
        if list(meant.values()).count(field) > 1:
            raise InvalidInput(
                f"Two members are mapped to `{field}`.",
                why="Nothing says which one counts.",
                to_do="Map one member to each field.",
            )
    natural = {field: place for place, field in enumerate(fields)}
    places = {field: place for field, place in natural.items() if field not in meant.values()}
    return places | {name: natural[field] for name, field in meant.items()}


def _json(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(k), ensure_ascii=False)}: {_json(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _bad_value(told: str, what: str) -> Problem:
    return problem_of("BAD_VALUE", f"The value of {told} {what}.")


def _too_many() -> Problem:
    message = f"The objects have more than {MOST_COLUMNS:,} different members."
    return problem_of("TOO_MANY_CELLS", message)
