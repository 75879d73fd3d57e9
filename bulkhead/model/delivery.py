"""How far the messages of a broadcast have come, as far as anybody told us."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from bulkhead.model.job import Counts

LOW_WORD = 0xFFFFFFFF
"""Of a mid: the sender's own number has 32 bits, what others are told has 64."""

RANKS: Mapping[int, int] = MappingProxyType(
    {1: 1, **dict.fromkeys((128, 129, 130, 131, 132, 134, 136, 144, 145), 2), 2: 3, 3: 4}
)
"""Status of a message → how far it has come: sent, lost on its way, delivered, read."""


def recipient_digest(recipient: str) -> int:
    """Three bytes that tell a message's recipients apart; of a group its `gid:` and number."""
    return int.from_bytes(hashlib.sha256(recipient.encode()).digest()[:3])


def member_digest(address: str) -> int:
    """Five bytes that tell a group's members apart; never 0."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:5]) or 1


BY_WEBHOOK = (
    "a lower bound: only what mesibo told the app's webhook is counted, receipts may be off, and "
    "of a row that is unknown nothing is known"
)
BY_SESSION = (
    "a lower bound: what mesibo told the sender's session is counted, and the app's webhook if it "
    "has one; while no worker keeps the session it hears nothing"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """How many have come so far, each also counted in what comes before it but for `lost`."""

    sent: int = 0
    lost: int = 0
    """Refused on its way, such as by a full inbox, and heard of no more."""
    delivered: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class Attempts:
    """What our own calls came to: every recipient in one place.

    `attempted` = `accepted` + `failed` + `unknown` + what is on the wire.
    """

    audience: int
    attempted: int
    accepted: int
    failed: int
    unknown: int
    not_attempted: int

    @classmethod
    def of(cls, counts: Counts, refused: int) -> Attempts:
        """From a job's counts, of which so many failed before anything was sent."""
        failed = counts.failed - refused
        attempted = counts.succeeded + failed + counts.unknown + counts.in_flight
        return cls(
            audience=counts.total,
            attempted=attempted,
            accepted=counts.succeeded,
            failed=failed,
            unknown=counts.unknown,
            not_attempted=counts.total - attempted,
        )


@dataclass(frozen=True, slots=True)
class Funnel:
    """A broadcast from its audience to its readers.

    `recipients` are rows: a group counts as reached when one of its members is; `members` are
    those of groups, each once. `beyond` = events about members that were too many to tell apart.
    """

    job: str
    app: str
    state: str
    attempts: Attempts
    recipients: Reached
    members: Reached
    beyond: int
    webhook: bool = False
    """True if the app's inbound webhook has a URL of ours."""
    heard: bool = False
    """True if any event about any message has come for the app."""
    realtime: bool = False
    """True if its messages go out through a session of the sender, which hears of them."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the truth may be higher, in words."""
        why = [BY_SESSION if self.realtime else BY_WEBHOOK]
        if not (self.webhook or self.realtime):
            why.append(
                "the app has no inbound webhook, so nothing can be told: paste the URL that "
                f"`bulkhead webhooks inbound show {self.app}` prints into mesibo's console"
            )
        elif not (self.heard or self.realtime):
            why.append(
                "no event about a message has ever come for the app: see that mesibo's console "
                f"has the URL that `bulkhead webhooks inbound show {self.app}` prints"
            )
        if self.beyond:
            why.append(f"{self.beyond:,} events were about members beyond the first million")
        return tuple(why)

    def stages(self) -> list[dict[str, Any]]:
        """A row a stage, with its share of the audience in percent."""
        mine, reached = self.attempts, self.recipients
        numbers = {
            "audience": mine.audience,
            "attempted": mine.attempted,
            "accepted": mine.accepted,
            "sent": reached.sent,
            "delivered": reached.delivered,
            "read": reached.read,
            "lost": reached.lost,
            "failed": mine.failed,
            "unknown": mine.unknown,
            "not_attempted": mine.not_attempted,
        }
        members = asdict(self.members) if self.members.sent else {}
        return [
            {
                "stage": stage,
                "recipients": number,
                "percent": percent(number, mine.audience),
                "members": members.get(stage),
            }
            for stage, number in numbers.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The funnel as JSON shows it."""
        return {
            "job": self.job,
            "app": self.app,
            "state": self.state,
            "stages": self.stages(),
            "lower_bound": True,
            "webhook": self.webhook,
            "notes": list(self.notes),
        }


def percent(number: int, of: int) -> float | None:
    """The share with one digit, None of nothing; 100.0 and 0.0 only where it is all or none."""
    if not of:
        return None
    share = round(100 * number / of, 1)
    if number not in (0, of):
        share = min(max(share, 0.1), 99.9)
    return share
