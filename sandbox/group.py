"""One group of an app: its settings, its members and their rights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

YEAR = 31_536_000  # seconds; what mesibo takes if no expiry is given
PAUSED = 0x8000000

PERMISSIONS = {"send": 0x1, "recv": 0x2, "pub": 0x4, "sub": 0x8, "list": 0x10}
_ADMIN_BITS = {
    "modify": 0x1,
    "adduser": 0x10,
    "remuser": 0x20,
    "addadmin": 0x40,
    "remadmin": 0x80,
    "remowner": 0x100,
    "remgroup": 0x200,
    "callcontrol": 0x400,
    "hangup": 0x800,
    "owner": 0x1000,
    "addpin": 0x2000,
    "removepin": 0x4000,
    "listpin": 0x8000,
}
# Both kinds of rights stand in one number a member: an admin's begin at the 17th bit.
ADMIN = {name: bit << 16 for name, bit in _ADMIN_BITS.items()}
USUAL = PERMISSIONS["send"] | PERMISSIONS["recv"]
"""What a member may do of whom no permission was named; invented."""


@dataclass(slots=True)
class Group:
    """`members` holds one number of rights an address."""

    name: str = ""
    flags: int = 0
    expiry: int = YEAR
    expiryext: int = 0
    active: bool = True
    members: dict[str, int] = field(default_factory=dict)

    @property
    def paused(self) -> bool:
        """Whether a message to the group is refused."""
        return not self.active or bool(self.flags & PAUSED)

    def change(self, fields: dict[str, Any]) -> None:
        """Take over what is named; the rest stays."""
        self.name = fields.get("name", self.name)
        self.flags = fields.get("flags", fields.get("flag", self.flags))
        self.expiry = fields.get("expiry", self.expiry)
        self.expiryext = fields.get("expiryext", self.expiryext)
        self.active = bool(fields.get("active", self.active))

    def shown(self) -> dict[str, Any]:
        """Its settings, without the members."""
        return {
            "name": self.name,
            "flags": self.flags,
            "expiry": self.expiry,
            "expiryext": self.expiryext,
            "active": self.active,
        }

    def rights(self) -> dict[str, list[str]]:
        """What each member may do, in words."""
        every = {**PERMISSIONS, **ADMIN}
        return {
            address: [name for name, bit in every.items() if held & bit]
            for address, held in self.members.items()
        }


def bits(named: dict[str, int], wanted: object) -> int:
    """The bits of the names that are true in a JSON object; 0 for anything else."""
    if not isinstance(wanted, dict):
        return 0
    return sum(bit for name, bit in named.items() if wanted.get(name))
