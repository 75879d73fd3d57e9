"""What calls of an app came to, added up for its statistics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REALTIME = "realtime"
"""The operation under which messages of sessions are counted, beside calls to backends."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """One call: what it asked, what it came to, whom it touched, and its bytes of HTTP."""

    op: str
    outcome: str
    user: str
    """The address of the user it was about; empty where it was about none, or never left."""
    sent: int
    received: int


@dataclass(slots=True)
class Traffic:
    """Many calls, added up."""

    calls: Counter[str] = field(default_factory=Counter)
    """`operation|outcome` → how many."""
    took: Counter[str] = field(default_factory=Counter)
    """Operation → microseconds that its calls took, all together."""
    users: set[str] = field(default_factory=set)
    sent: int = 0
    received: int = 0

    def add(self, call: CallMade, seconds: float = 0.0) -> None:
        """Count one more call, and how long it took."""
        self.calls[f"{call.op}|{call.outcome}"] += 1
        if seconds > 0:
            self.took[call.op] += max(1, round(seconds * 1e6))
        self.sent += call.sent
        self.received += call.received
        if call.user:
            self.users.add(call.user)

    def to_entry(self) -> dict[str, Any] | None:
        """The sums as settle takes them; None if there was no call."""
        if not self.calls:
            return None
        users = sorted(self.users)
        return {
            "calls": dict(self.calls),
            "took": dict(self.took),
            "users": users,
            "sent": self.sent,
            "received": self.received,
        }
