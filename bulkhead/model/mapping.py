"""Columns and fields: which column of an input means which field, matched by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

from bulkhead.errors import InvalidInput

ABSENT = -1
ANY_WIDTH = -1
"""The width of rows that were objects: a member that an object has not is an empty cell."""


@dataclass(frozen=True, slots=True)
class Places:
    """The column, counted from 0, of each field; ABSENT where the file has none.

    Plain numbers, so a job keeps it as JSON and a worker reads rows as the producer did.
    """

    width: int

    @property
    def columns(self) -> frozenset[int]:
        """The columns that are sent; all others are only kept."""
        places = (getattr(self, field.name) for field in fields(self) if field.name != "width")
        return frozenset(place for place in places if place != ABSENT)


def plain(column: str) -> str:
    """A column's name as it is compared: small letters, no blanks around it."""
    return column.strip().casefold()


def places_in(
    header: Sequence[str],
    fields: Sequence[str],
    explicit: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, int]:
    """The column, from 0, of each field that has one, without regard to case and blanks around it.

    `explicit` gives column → field and wins over the names. Raises InvalidInput when a field has
    two columns, or when a column named in `explicit` is not there.
    """
    names = [plain(name) for name in header]
    places: dict[str, int] = {}
    for column, field in explicit.items():
        _claim(places, field_named(field, fields), _only_place(header, names, column), header)
    chosen, mapped = frozenset(places), frozenset(places.values())
    for place, name in enumerate(names):
        if name in fields and name not in chosen and place not in mapped:
            _claim(places, name, place, header)
    return places


def field_named(field: str, fields: Sequence[str]) -> str:
    """The field of that name, written in any case. Raises InvalidInput."""
    if plain(field) in fields:
        return plain(field)
    raise InvalidInput(
        f"There is no field `{field}`.",
        why=f"A column can be mapped to {', '.join(fields)}.",
        to_do="Name one of these after the = sign.",
    )


def listed(header: Sequence[str], most: int = 12) -> str:
    """The columns' names for a message, shortened where they are many or long."""
    names = [f"`{name.strip()[:40]}`" for name in header[:most]]
    more = len(header) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _claim(places: dict[str, int], field: str, place: int, header: Sequence[str]) -> None:
    if field in places:
        first, second = sorted((places[field], place))
        raise InvalidInput(
            f"Two columns mean `{field}`.",
            why=f"Column {first + 1} is `{header[first].strip()}` and column {second + 1} is "
            f"`{header[second].strip()}`; nothing says which one counts.",
            to_do="Remove or rename one of them, then import the file again.",
        )
    places[field] = place


def _only_place(header: Sequence[str], names: list[str], column: str) -> int:
    count = names.count(plain(column))
    if count == 1:
        return names.index(plain(column))
    found = f"{count} columns" if count else "no column"
    raise InvalidInput(
        f"The file has {found} named `{column}`.",
        why=f"Its columns are {listed(header)}.",
        to_do="Map a column that stands in the header exactly once.",
    )
