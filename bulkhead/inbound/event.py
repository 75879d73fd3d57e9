"""What an inbound event says. Shapes are known for users only; all else is a careful guess."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkhead.secrets import Secret


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push notification; `ok` is None where the event does not say."""

    address: str
    uid: int | None
    service: str
    """`fcm`, `apn`, or whatever the event calls it, in lower case."""
    ok: bool | None
    code: int | None
    response: str
    """The push service's own words, as far as they came."""


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """How far a message has come: a word such as `delivered`, and the number it stands for."""

    mid: int | None
    sender: str
    to: str
    gid: int | None
    status: str
    code: int | None


@dataclass(frozen=True, slots=True)
class Presence:
    """A user came online or went; None where the event does not say which."""

    address: str
    uid: int | None
    online: bool | None


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else, under the type it gave itself."""

    type: str


What = PushResult | MessageStatus | Presence | Other


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a delivery, with what the delivery says of all of them.

    `at` is epoch milliseconds by mesibo's clock, `raw` the event as it came, without any secret.
    """

    what: What
    raw: Mapping[str, Any]
    aid: int | None = None
    id: int | None = None
    at: int | None = None
    version: int | None = None
    index: int = 0

    @property
    def identity(self) -> bytes | None:
        """The same for a repeat of the event; None where nothing tells a repeat from a new one."""
        if self.id is None or self.at is None:
            return None
        told = f"{self.aid}|{self.id}|{self.at}|{self.index}"
        return hashlib.sha256(told.encode()).digest()[:12]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The events of one request, and the secret that the request itself carried."""

    events: tuple[Event, ...]
    secret: Secret | None = None
    beyond: int = 0
    """Events that were not read, because the delivery holds too many."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The request holds no event in any form we know; `why` quotes nothing of it."""

    why: str = field(default="it is neither JSON nor a form")
