"""What a call about a group holds, and how much of a row fits into one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bulkhead.model.group import ADMIN, PERMISSIONS, Group

LARGEST = 7_500
"""Bytes of JSON of a call, its app token apart: 8,192 are let through by an on-premise backend."""


def calls_for(kind: str, group: Group) -> int:
    """How many calls a row takes when each is answered."""
    if kind == "groups.delete":
        return 1
    if kind == "groups.create":
        calls, taken = 1, members_of(group, 0, settings_of(group))[1]
    else:
        calls, taken = int(group.has_settings), 0
    while taken < len(group.members):
        calls, taken = calls + 1, taken + members_of(group, taken, {"gid": group.gid or 0})[1]
    return calls


def settings_of(group: Group) -> dict[str, Any]:
    """What the row says of the group itself, as mesibo names it."""
    told = {
        "name": group.name,
        "flags": group.flags,
        "expiry": group.expiry,
        "expiryext": group.expiryext,
        "active": group.active,
    }
    return {name: value for name, value in told.items() if value is not None}


def members_of(group: Group, start: int, beside: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The members from `start` on that fit into one call, and how many those are."""
    rights = _rights(group)
    room = LARGEST - _size({"group": {**beside, "members": {"m": "", **rights}}})
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
