"""Users given as objects (JSON Lines, Python, Celery messages) become rows of cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkhead.model.user import ANY_WIDTH, FIELDS, UserMapping, plain


class Objects:
    """Gives every object its row; the columns grow with the members that are seen.

    The fields of a user come first, so the mapping is known before the first object is.
    `explicit` maps a member's name to the field it means, and wins over the names.
    """

    def __init__(self, explicit: Mapping[str, str] | None = None) -> None:
        self.columns: list[str] = list(FIELDS)
        self.mapping = UserMapping(
            width=ANY_WIDTH, **{name: place for place, name in enumerate(FIELDS)}
        )
        self._places = {name: place for place, name in enumerate(FIELDS)}
        self._meant = {plain(name): plain(field) for name, field in (explicit or {}).items()}

    def cells(self, one: Mapping[str, Any]) -> list[str]:
        """The object's row: text as it is, everything else as JSON writes it, null as empty."""
        cells = [""] * len(self.columns)
        for name, value in one.items():
            place = self._place(str(name))
            if place >= len(cells):
                cells.extend([""] * (place + 1 - len(cells)))
            cells[place] = value if isinstance(value, str) else _written(value)
        return cells

    def _place(self, name: str) -> int:
        known = plain(name)
        known = self._meant.get(known, known)
        place = self._places.get(known)
        if place is None:
            place = self._places[known] = len(self.columns)
            self.columns.append(name)
        return place


def _written(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
