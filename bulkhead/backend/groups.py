"""The calls about groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.backend.users import MOST_LISTED
from bulkhead.model.group import Group
from bulkhead.model.group_call import members_of, settings_of
from bulkhead.model.outcome import Repeat, Upstream

NOTHING_SAID = Upstream("groupsget")


def groupadd(group: Group) -> tuple[Call, int]:
    """Make one more group, and how many of the row's members are in it from the start."""
    members, taken = members_of(group, 0, settings_of(group))
    settings = {**settings_of(group), **({"members": members} if taken else {})}
    return Call("groupadd", {"group": settings}, Repeat.CHECK, group.name or ""), taken


def groupset(gid: int, group: Group) -> Call:
    """Change what the row names; its members are left to `add_members`."""
    return Call("groupset", {"group": {"gid": gid, **settings_of(group)}}, Repeat.SAFE, str(gid))


def groupdel(gid: int) -> Call:
    """Delete the group. A second call would be refused, so a lost answer is read back."""
    return Call("groupdel", {"group": {"gid": gid}}, Repeat.CHECK, str(gid))


def add_members(gid: int, group: Group, start: int) -> tuple[Call, int]:
    """Add the row's members from the `start`-th on, and how many are in it then."""
    members, taken = members_of(group, start, {"gid": gid})
    return _edit(gid, members), start + taken


def join(gid: int, address: str) -> Call:
    """Make a person a member."""
    return _edit(gid, {"m": address})


def groupsget(name: str) -> Call:
    """List the groups of this name, at most MOST_LISTED; a `*` in it stands for anything."""
    members = {"group": {"name": name}, "count": MOST_LISTED}
    return Call("groupsget", members, Repeat.SAFE, name)


def _edit(gid: int, members: Mapping[str, Any]) -> Call:
    whole = {"group": {"gid": gid, "members": dict(members)}}
    return Call("groupeditmembers", whole, Repeat.SAFE, str(gid))
