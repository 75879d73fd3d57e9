"""What carrying out an operation gives: members for the answer, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done; `word` goes into the answer's `error`."""

    word: str


Outcome = Members | Refused


def object_in(members: Members, name: str) -> Members | None:
    """The JSON object of that name, if there is one."""
    value = members.get(name)
    return value if isinstance(value, dict) else None
