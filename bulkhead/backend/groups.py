"""The calls about groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.backend.users import MOST_LISTED
from bulkhead.model.group import ADMIN, PERMISSIONS, Group
from bulkhead.model.outcome import Repeat, Upstream

LARGEST_MEMBERS = 7_500
"""Bytes of JSON of a call, its app token apart: 8,192 are let through by an on-premise backend."""

NOTHING_SAID = Upstream("groupsget")


def groupadd(group: Group) -> tuple[Call, int]:
    """Make one more group, and how many of the row's members are in it from the start."""
    members, taken = _members(group, 0, _settings(group))
    settings = {**_settings(group), **({"members": members} if taken else {})}
    return Call("groupadd", {"group": settings}, Repeat.CHECK, group.name or ""), taken


def groupset(gid: int, group: Group) -> Call:
    """Change what the row names; its members are left to `add_members`."""
    return Call("groupset", {"group": {"gid": gid, **_settings(group)}}, Repeat.SAFE, str(gid))


def groupdel(gid: int) -> Call:
    """Delete the group. A second call would be refused, so a lost answer is read back."""
    return Call("groupdel", {"group": {"gid": gid}}, Repeat.CHECK, str(gid))


def add_members(gid: int, group: Group, start: int) -> tuple[Call, int]:
    """Add the row's members from the `start`-th on, and how many are in it then."""
    members, taken = _members(group, start, {"gid": gid})
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


def _settings(group: Group) -> dict[str, Any]:
    told = {
        "name": group.name,
        "flags": group.flags,
        "expiry": group.expiry,
        "expiryext": group.expiryext,
        "active": group.active,
    }
    return {name: value for name, value in told.items() if value is not None}


def _members(group: Group, start: int, beside: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The members from `start` on that fit into one call, and how many those are."""
    rights = _rights(group)
    room = LARGEST_MEMBERS - _size({"group": {**beside, "members": {"m": "", **rights}}})
    taken: list[str] = []
    for address in group.members[start:]:
        room -= _size(address) - 1  # with the comma, without the quotes
        if room < 0 and taken:
            break
        taken.append(address)
    return {"m": ",".join(taken), **rights}, len(taken)


def _rights(group: Group) -> dict[str, Any]:
    rights: dict[str, Any] = {}
    if group.permissions:
        # What is not named is said too: what it would be otherwise is not documented.
        rights["permissions"] = {name: name in group.permissions for name in PERMISSIONS}
    if group.admin:
        rights["admin"] = {name: True for name in ADMIN if name in group.admin}
    return rights


def _size(value: Any) -> int:
    text: Sequence[int] = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    return len(text)
