"""One call to the backend, as a value: what to ask, and what a lost answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.backend.upload import Upload
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Repeat

RESERVED = frozenset({"op", "token"})
"""Members that only the envelope sets."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation with its members, without the app token; `key` names it in logs."""

    op: str
    members: Mapping[str, Any]
    repeat: Repeat
    key: str = ""
    issues: bool = False
    """True if the answer must hold a user token."""
    shows: bool = False
    """True if the answer is for a person to read, secrets taken out."""
    upload: Upload | None = None
    """The file that it carries; the members are then the texts of a form, in place of JSON."""

    def __post_init__(self) -> None:
        if not RESERVED.isdisjoint(self.members):
            taken = sorted(RESERVED & self.members.keys())
            raise InvalidInput(
                f"the body sets {' and '.join(taken)} itself",
                why="the operation and the app token are added when the call is made",
                to_do="remove the member; name the operation on its own and the app by --app",
            )
