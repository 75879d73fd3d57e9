"""The call that adds members to a group, changes their rights, or takes them away.

How a removal is written is contradictory in the wild: the vendor's helper puts `delete` on the
group, third parties put `remove` among its members, and the old form is flat. mesibo's own pages
do not say, so an app's setting chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.model.broadcast import carried
from bulkhead.model.group import PERMISSIONS
from bulkhead.model.members import Membership
from bulkhead.model.outcome import Repeat

OP = "groupeditmembers"


def edit(asked: Membership, gid: int, addresses: Sequence[str]) -> Call:
    """Add these members, or remove them. A second call leaves the same behind."""
    return Call(OP, _members(asked, gid, ",".join(addresses)), Repeat.SAFE, f"gid:{gid}")


def size(address: str) -> int:
    """Bytes that one more address takes in a body, with its comma."""
    return carried(address) + 1


def _members(asked: Membership, gid: int, who: str) -> dict[str, Any]:
    if asked.verb == "add":
        return {"group": {"gid": gid, "members": {"m": who, **_rights(asked)}}}
    if asked.remove_by == "flat":
        return {"gid": gid, "m": who, "delete": 1}
    if asked.remove_by == "remove":
        return {"group": {"gid": gid, "members": {"m": who, "remove": 1}}}
    return {"group": {"gid": gid, "delete": 1, "members": {"m": who}}}


def _rights(asked: Membership) -> dict[str, Any]:
    rights: dict[str, Any] = {}
    if asked.permissions:
        # All of them are said: what is left out may be allowed or not, nobody documents it.
        rights["permissions"] = {name: name in asked.permissions for name in PERMISSIONS}
    if asked.admin:
        rights["admin"] = dict.fromkeys(asked.admin, True)
    return rights
