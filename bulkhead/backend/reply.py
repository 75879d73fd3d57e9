"""What came back of one call, or how far it got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LARGEST_ANSWER = 1 << 20
"""Bytes of an unpacked answer that are read; what is longer is not an answer of mesibo's."""

Kind = Literal["dns", "refused", "timeout", "tls", "proxy", "other"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Something came back. `whole` is false where it was too large and the rest was dropped.

    `sent` and `received` are bytes of HTTP, without TLS and without what a proxy is asked.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = field(default=None, repr=False)
    whole: bool = True
    elapsed_s: float = 0.0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left this machine: making the call again is always right."""

    reason: str
    kind: Kind
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, wholly or in part, and no complete answer came: nobody here knows."""

    reason: str
    elapsed_s: float = 0.0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Withheld:
    """No byte left, because the call's time was over when the way was open: nothing happened."""


Reply = Answer | NotSent | NoAnswer

REASONS: dict[Kind, str] = {
    "dns": "the backend's name could not be resolved",
    "refused": "the backend refused the connection or could not be reached",
    "timeout": "the backend did not accept a connection in time",
    "tls": "the backend's certificate or TLS was not accepted",
    "proxy": "the proxy could not be reached or refused the way",
    "other": "the call could not be started",
}

LATE = "no complete answer came in time"
BROKEN = "the connection broke before a complete answer"


def not_sent(kind: Kind, elapsed_s: float) -> NotSent:
    """What is said of a call that did not leave for a reason of this kind."""
    return NotSent(REASONS[kind], kind, elapsed_s)


def bytes_of(reply: Reply) -> tuple[int, int]:
    """Bytes of HTTP sent and received."""
    return (0, 0) if isinstance(reply, NotSent) else (reply.sent, reply.received)
