"""A real-time message as it reached the server, and what the server keeps of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.fields import Fields

MOST_MID = 0xFFFF_FFFF
OUTBOX, SENT, DELIVERED, READ = 0, 1, 2, 3
RECEIVED_NEW = 18
USER_OFFLINE, INVALID_DEST, GROUP_PAUSED, NOT_MEMBER = 129, 131, 144, 145


@dataclass(frozen=True, slots=True)
class Sent:
    """What one process handed over; `file` is the id of an upload or an address."""

    mid: int
    to: str = ""
    gid: int = 0
    text: str = ""
    title: str = ""
    type: int = 0
    expiry: int | None = None
    file: dict[str, Any] | None = None

    def event(self, sender: str) -> dict[str, Any]:
        """How a recipient hears of it."""
        return {
            "kind": "message",
            "mid": self.mid,
            "from": sender,
            "gid": self.gid,
            "text": self.text,
            "title": self.title,
            "type": self.type,
            "file": self.file,
            "status": RECEIVED_NEW,
            "ts": round(time.time() * 1000),
        }


@dataclass(slots=True)
class Taken:
    """One number of a sender: how often it came, and what was the last of it."""

    message: Sent
    count: int = 0
    accepted: int = 0
    statuses: list[int] = field(default_factory=list)
    t: float = 0.0

    def shown(self, sender: str) -> dict[str, Any]:
        """For whoever checks afterwards."""
        message = self.message
        return {
            "mid": message.mid,
            "from": sender,
            "to": message.to,
            "gid": message.gid,
            "text": message.text,
            "title": message.title,
            "file": message.file,
            "expiry": message.expiry,
            "count": self.count,
            "accepted": self.accepted,
            "statuses": self.statuses,
            "t": self.t,
        }


def read_sent(fields: Fields) -> Sent:
    """A message out of a document; raises InvalidField."""
    mid = fields.whole("mid", 0, MOST_MID)
    file = fields.inner("file")
    sent = Sent(
        mid=mid or 0,
        to=fields.text("to") or "",
        gid=fields.whole("gid", 0, MOST_MID) or 0,
        text=fields.text("text") or "",
        title=fields.text("title") or "",
        type=fields.whole("type", 0, MOST_MID) or 0,
        expiry=fields.whole("expiry", 0, MOST_MID),
        file=None if file is None else file.source,
    )
    fields.finish()
    return sent
