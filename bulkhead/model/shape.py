"""What the rows of an input are about, for whoever reads rows without caring what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model import group, user
from bulkhead.model.checking import problems_in as users_problems_in
from bulkhead.model.group import GroupMapping
from bulkhead.model.mapping import ANY_WIDTH, listed, places_in
from bulkhead.model.user import Problem, UserMapping, mapping_of, no_address

Cells = Sequence[str]


RowMapping = UserMapping | GroupMapping
"""Which column means which field, as plain numbers that a job keeps."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a row, and how a row of them is checked."""

    noun: str
    """Of one row, such as `user`."""
    fields: tuple[str, ...]
    needed: tuple[str, ...]
    """Fields of which an input must have a column; one is enough."""
    make: Callable[..., Any]
    """The mapping from `width` and a column for each field."""
    problem_in: Callable[[Any, Cells], Problem | None]
    missing: Callable[[Sequence[str]], InvalidInput]
    """The refusal of an input that has these columns, and none that is needed."""
    lists: frozenset[str] = frozenset()
    """Fields that may be a list in JSON."""

    @property
    def needs(self) -> str:
        """What an input must have, for a sentence."""
        article = "an" if self.needed[0][0] in "aeiou" else "a"
        return f"{article} {' or '.join(f'`{name}`' for name in self.needed)}"

    def mapping_of(
        self, header: Sequence[str], explicit: Mapping[str, str] = MappingProxyType({})
    ) -> RowMapping:
        """Match columns with fields by name. Raises InvalidInput."""
        if self is USERS:
            return mapping_of(header, explicit)
        places = places_in(header, self.fields, explicit)
        if places.keys().isdisjoint(self.needed):
            raise self.missing(header)
        mapping: RowMapping = self.make(width=len(header), **places)
        return mapping

    def of_objects(self) -> RowMapping:
        """The mapping of rows that were objects: the fields come first, in their order."""
        places = {name: place for place, name in enumerate(self.fields)}
        mapping: RowMapping = self.make(width=ANY_WIDTH, **places)
        return mapping

    def problems_in(self, mapping: Any, rows: Sequence[Cells]) -> dict[int, Problem]:
        """What is wrong with these rows, by place and in order."""
        if self is USERS:
            return users_problems_in(mapping, rows)
        found = ((place, self.problem_in(mapping, cells)) for place, cells in enumerate(rows))
        return {place: problem for place, problem in found if problem is not None}


def _no_column(*needed: str) -> Callable[[Sequence[str]], InvalidInput]:
    def missing(header: Sequence[str]) -> InvalidInput:
        return InvalidInput(
            f"The file has no `{needed[0]}` column.",
            why=f"Its columns are {listed(header)}." if header else "It has no columns at all.",
            to_do=f"Name a column {' or '.join(f'`{name}`' for name in needed)}, "
            f"or map one with `--map COLUMN={needed[0]}`.",
        )

    return missing


USERS = Shape(
    "user",
    user.FIELDS,
    ("address",),
    UserMapping,
    user.problem_in,
    no_address,
    frozenset({"groups"}),
)
_NEW = ("name", "custom_id")
NEW_GROUPS = Shape(
    "group", group.OF_NEW, _NEW, GroupMapping, group.problem_in_new, _no_column(*_NEW), group.LISTS
)
_NAMED = ("gid", "custom_id")


def _of_known(problem_in: Callable[[Any, Cells], Problem | None]) -> Shape:
    missing = _no_column(*_NAMED)
    return Shape("group", group.OF_KNOWN, _NAMED, GroupMapping, problem_in, missing, group.LISTS)


CHANGED_GROUPS = _of_known(group.problem_in_changed)
KNOWN_GROUPS = _of_known(group.problem_in_known)

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "groups.create": NEW_GROUPS,
        "groups.set": CHANGED_GROUPS,
        "groups.delete": KNOWN_GROUPS,
    }
)
"""Of kinds whose rows are no users."""


def shape_of(kind: str) -> Shape | None:
    """What the rows of a job of this kind are, or None where a row is nobody's to check again."""
    return USERS if kind.startswith("users.") else SHAPES.get(kind)
