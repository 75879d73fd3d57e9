"""One line of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do about it."""

    check: str
    state: State
    says: str
    to_do: str | None = None
    unreachable: bool = False
    """The store that was asked for does not answer: that has an exit code of its own."""

    def to_dict(self) -> dict[str, str | None]:
        """The line as JSON shows it."""
        return {"check": self.check, "state": self.state, "says": self.says, "to_do": self.to_do}


def ok(check: str, says: str) -> Check:
    """All is well."""
    return Check(check, "ok", says)


def warning(check: str, says: str, to_do: str) -> Check:
    """It works, and somebody should know."""
    return Check(check, "warning", says, to_do)


def error(check: str, says: str, to_do: str) -> Check:
    """It does not work, or may lose what was accepted."""
    return Check(check, "error", says, to_do)
