"""The stand-in's messages, files and presence, with the members of mesibo's package."""

from __future__ import annotations

import os
from typing import Protocol

from sandbox.standin_values import (
    MESIBO_ACTIVITY_JOINED,
    MESIBO_ACTIVITY_LEFT,
    MESIBO_ACTIVITY_ONLINE,
    MESIBO_ACTIVITY_TYPING,
    MESIBO_ACTIVITY_TYPINGCLEARED,
    MESIBO_MSGSTATUS_CALLINCOMING,
    MESIBO_MSGSTATUS_CALLMISSED,
    MESIBO_MSGSTATUS_CALLOUTGOING,
    MESIBO_MSGSTATUS_DELIVERED,
    MESIBO_MSGSTATUS_FAIL,
    MESIBO_MSGSTATUS_OUTBOX,
    MESIBO_MSGSTATUS_READ,
    MESIBO_READAS_AUTO,
    MESIBO_READAS_BYTES,
)

MOST_SIGNED = 2**31
reading: dict[str, int] = {"as": MESIBO_READAS_AUTO}
"""How `data` is given: one choice a process, as in the package."""


class Sender(Protocol):
    """What a message needs of the process's one connection."""

    def send(self, message: MesiboMessage) -> int: ...

    def send_presence(self, presence: MesiboPresence) -> int: ...


class Sealed:
    """An object of native code: it takes no attribute that it does not have."""

    __slots__ = ()


def signed(number: int) -> int:
    """The low 32 bits as the package shows them."""
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >= MOST_SIGNED else number


def text_or_nothing(value: object, where: str) -> str | None:
    """Text, or None for None; the package's TypeError for anything else."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"in method '{where}', argument 2 of type 'char const *'")
    return value


class MesiboDateTime(Sealed):
    """An instant, `ts` in milliseconds since 1970, 0 for none."""

    __slots__ = ("ts",)

    def __init__(self, ts: int) -> None:
        self.ts = ts

    def isValid(self) -> int:
        return int(self.ts > 0)


class MesiboFile(Sealed):
    """A message's file; every member is empty where there is none."""

    __slots__ = ("mimeType", "name", "path", "size", "subtype", "thumbnail", "type", "url")

    def __init__(self, path: str | None = None, url: str | None = None, size: int = 0) -> None:
        self.path, self.url, self.size = path, url, size
        self.name: str | None = None
        self.mimeType: str | None = None
        self.thumbnail: bytes | None = None
        self.type = self.subtype = 0


class MesiboMessage(Sealed):
    """A message on its way out or in; made by `newMessage`, `newGroupMessage` or a callback."""

    __slots__ = (
        "_core", "_expiry", "_groupid", "_last", "_message", "_mid", "_missing", "_outgoing",
        "_plain", "_status", "_stored", "_subtitle", "_title", "_ts", "_type", "file", "peer",
        "uid",
    )  # fmt: skip

    def __init__(self, core: Sender, mid: int, peer: str | None, groupid: int = 0) -> None:
        self._core = core
        self._mid, self.peer, self._groupid = mid, peer, groupid
        self._message: str | None = None
        self._title: str | None = None
        self._subtitle: str | None = None
        self._status = MESIBO_MSGSTATUS_OUTBOX
        self._expiry = self._type = self._ts = self.uid = 0
        self._outgoing, self._plain, self._stored, self._last = True, False, False, False
        self._missing = False
        self.file = MesiboFile()

    @property
    def mid(self) -> int:
        """The number, signed."""
        return self._mid

    @mid.setter
    def mid(self, value: int) -> None:
        where = "in method 'MesiboMessageProperties_mid_set', argument 2 of type 'uint64_t'"
        if not isinstance(value, int):
            raise TypeError(where)
        if not -MOST_SIGNED <= value < MOST_SIGNED:
            raise OverflowError(where)
        self._mid = value

    @property
    def groupid(self) -> int:
        """The gid, 0 of a message to a person."""
        return self._groupid

    @groupid.setter
    def groupid(self, value: int) -> None:
        self._groupid = value

    @property
    def message(self) -> str | None:
        """The text; of a plain message in a callback it stands in `data` instead."""
        return None if self._in_data else self._message

    @message.setter
    def message(self, value: str | None) -> None:
        self._message = text_or_nothing(value, "MesiboMessage_message_set")

    @property
    def data(self) -> str | bytes:
        """The text of a plain message in a callback, as `readDataAs` says."""
        text = self._message or "" if self._in_data else ""
        if reading["as"] == MESIBO_READAS_BYTES or not text:
            return text.encode()
        return text

    @property
    def _in_data(self) -> bool:
        return self._plain and self._title is None

    @property
    def title(self) -> str | None:
        """The title, None of a plain message."""
        return self._title

    @title.setter
    def title(self, value: str | None) -> None:
        self._title = text_or_nothing(value, "MesiboMessage_title_set")

    @property
    def subtitle(self) -> str | None:
        """The second title."""
        return self._subtitle

    @subtitle.setter
    def subtitle(self, value: str | None) -> None:
        self._subtitle = text_or_nothing(value, "MesiboMessage_subtitle_set")

    def setContent(self, where: str) -> None:
        """A file of this machine, or an address; what is missing shows when it is sent."""
        text = text_or_nothing(where, "MesiboMessage_setContent")
        if text and text.startswith(("http://", "https://")):
            self.file = MesiboFile(url=text)
        elif text and os.path.isfile(text):
            self.file = MesiboFile(path=text, size=os.path.getsize(text))
        else:
            self._missing = True

    def setExpiry(self, seconds: int) -> None:
        self._expiry = seconds

    def getExpiry(self) -> int:
        return self._expiry

    def setType(self, kind: int) -> None:
        self._type = kind

    def getType(self) -> int:
        return self._type

    def setPeer(self, address: str) -> None:
        self.peer = text_or_nothing(address, "MesiboMessageProperties_setPeer")

    def getStatus(self) -> int:
        return self._status

    def getTimestamp(self) -> MesiboDateTime:
        """When it was sent or came."""
        return MesiboDateTime(self._ts)

    def enableReadReceipt(self, on: bool) -> None: ...

    def enableDeliveryReceipt(self, on: bool) -> None: ...

    def enableTransient(self, on: bool) -> None: ...

    def enableBroadcast(self, on: bool) -> None: ...

    def enableModify(self, on: bool) -> None: ...

    def send(self) -> int:
        """0 if it is on its way; its status comes to the listener."""
        return -1 if self._missing else self._core.send(self)

    def resend(self) -> int:
        return self.send()

    def isSent(self) -> int:
        return int(0 < self._status <= MESIBO_MSGSTATUS_READ)

    def isDelivered(self) -> int:
        return int(self._status in (MESIBO_MSGSTATUS_DELIVERED, MESIBO_MSGSTATUS_READ))

    def isReadByPeer(self) -> int:
        return int(self._status == MESIBO_MSGSTATUS_READ)

    def isFailed(self) -> int:
        return int(self._status >= MESIBO_MSGSTATUS_FAIL)

    def isInOutbox(self) -> int:
        return int(self._status == MESIBO_MSGSTATUS_OUTBOX)

    def isPendingMessage(self) -> int:
        return 0

    def isOutgoing(self) -> int:
        return int(self._outgoing)

    def isIncoming(self) -> int:
        return int(not self._outgoing)

    def isRichMessage(self) -> int:
        return int(not self._plain or self._title is not None)

    def isLastMessage(self) -> int:
        return int(self._last)

    def isRealtimeMessage(self) -> int:
        return int(not self._stored)

    def isDbMessage(self) -> int:
        return int(self._stored)

    def isGroupMessage(self) -> int:
        return int(self._groupid != 0)

    def isCall(self) -> int:
        return int(MESIBO_MSGSTATUS_CALLMISSED <= self._status <= MESIBO_MSGSTATUS_CALLOUTGOING)

    def isMissedCall(self) -> int:
        return int(self._status == MESIBO_MSGSTATUS_CALLMISSED)

    def isIncomingCall(self) -> int:
        return int(self._status == MESIBO_MSGSTATUS_CALLINCOMING)

    def isOutgoingCall(self) -> int:
        return int(self._status == MESIBO_MSGSTATUS_CALLOUTGOING)


class MesiboPresence(Sealed):
    """That somebody is typing, online, or gone."""

    __slots__ = ("_core", "groupid", "peer", "presence", "value")

    def __init__(self, core: Sender, peer: str | None, groupid: int, presence: int = 0) -> None:
        self._core, self.peer, self.groupid = core, peer, groupid
        self.presence, self.value = presence, 0

    def send(self) -> int:
        return self._core.send_presence(self)

    def _send(self, presence: int) -> int:
        self.presence = presence
        return self.send()

    def sendTyping(self) -> int:
        return self._send(MESIBO_ACTIVITY_TYPING)

    def sendTypingCleared(self) -> int:
        return self._send(MESIBO_ACTIVITY_TYPINGCLEARED)

    def sendOnline(self) -> int:
        return self._send(MESIBO_ACTIVITY_ONLINE)

    def sendJoined(self) -> int:
        return self._send(MESIBO_ACTIVITY_JOINED)

    def sendLeft(self) -> int:
        return self._send(MESIBO_ACTIVITY_LEFT)

    def isTyping(self) -> int:
        return int(self.presence == MESIBO_ACTIVITY_TYPING)

    def isTypingCleared(self) -> int:
        return int(self.presence == MESIBO_ACTIVITY_TYPINGCLEARED)

    def isOnline(self) -> int:
        return int(self.presence == MESIBO_ACTIVITY_ONLINE)

    def hasJoined(self) -> int:
        return int(self.presence == MESIBO_ACTIVITY_JOINED)

    def hasLeft(self) -> int:
        return int(self.presence == MESIBO_ACTIVITY_LEFT)
