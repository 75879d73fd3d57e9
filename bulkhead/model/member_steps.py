"""How members of a group are written in calls: how many in one, and how a removal is spelt."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

MOST = 100
"""Members in one call."""
SPLITS: Mapping[str, int] = MappingProxyType(
    {f"split_{size}": size for size in (50, 25, 12, 6, 3, 1)}
)
"""The steps of members whose call was refused for several, and how many go in the next one."""

RemoveBy = Literal["delete", "remove", "flat"]
"""How a removal is written: `group.delete`, `group.members.remove`, or flat with `delete`."""
REMOVE_BY: tuple[RemoveBy, ...] = get_args(RemoveBy)
