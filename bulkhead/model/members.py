"""Members of groups: what is done to them, and the member that each row names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from bulkhead.model.broadcast import address_problem, is_gid, no_group
from bulkhead.model.fitting import require
from bulkhead.model.group import ADMIN, PERMISSIONS
from bulkhead.model.member_steps import REMOVE_BY, RemoveBy
from bulkhead.model.text import listed
from bulkhead.model.user import Problem, problem_of

Verb = Literal["add", "remove"]
VERBS: tuple[Verb, ...] = get_args(Verb)

ADDRESS, GID, MEMBER = "address", "gid", "member"
"""Names in a job's mapping. Rows that name their own group have a `member` in place of an
`address`: the same person in two groups is no duplicate."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What is asked for with all rows of a job. Raises InvalidInput for what makes no sense."""

    verb: Verb = "add"
    gid: int | None = None
    """None: each row names its own."""
    permissions: tuple[str, ...] = ()
    """What new members may do; none: as mesibo has it."""
    admin: tuple[str, ...] = ()
    remove_by: RemoveBy = "delete"

    def __post_init__(self) -> None:
        require(self.verb in VERBS, "verb", "add or remove")
        require(self.remove_by in REMOVE_BY, "remove_members_by", "delete, remove or flat")
        for name, known in (("permissions", PERMISSIONS), ("admin", ADMIN)):
            given = getattr(self, name)
            require(set(given) <= set(known), name, f"of {listed(known, len(known))}")
            require(not given or self.verb == "add", name, "left out: who goes needs no rights")

    def params(self) -> dict[str, Any]:
        """The same as a job keeps it."""
        told = {"gid": self.gid, "permissions": [*self.permissions], "admin": [*self.admin]}
        spelling = {"remove_by": self.remove_by} if self.verb == "remove" else {}
        return {"verb": self.verb, **{name: of for name, of in told.items() if of}, **spelling}

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Membership:
        """What a job keeps. Raises InvalidInput."""
        rights = {name: tuple(params.get(name, ())) for name in ("permissions", "admin")}
        remove_by = params.get("remove_by", "delete")
        return cls(params.get("verb", "add"), params.get("gid"), **rights, remove_by=remove_by)


@dataclass(frozen=True, slots=True)
class Member:
    """One person and one group."""

    gid: int
    address: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows of members. Pure, and the same in a producer and in a worker."""

    gid: int | None
    mapping: Mapping[str, int] = field(default_factory=dict)

    def read(self, cells: Sequence[str]) -> Member | Problem:
        """The member that this row names, or what is wrong with it."""
        place = self.mapping.get(ADDRESS, self.mapping.get(MEMBER, -1))
        address = _cell(cells, place)
        problem = address_problem(address)
        if problem is not None:
            return problem
        if self.gid is not None:
            return Member(self.gid, address)
        group = _cell(cells, self.mapping.get(GID, -1))
        if is_gid(group):
            return Member(int(group), address)
        if group:
            return no_group(group)
        return problem_of("GROUP_NOT_IN_RECORD", "The row names no group.")

    def problems(self, rows: Sequence[Sequence[str]]) -> dict[int, Problem]:
        """What is wrong with these rows, by place and in order."""
        found = map(self.read, rows)
        return {place: one for place, one in enumerate(found) if isinstance(one, Problem)}


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if 0 <= place < len(cells) else ""
