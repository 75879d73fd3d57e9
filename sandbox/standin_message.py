"""The stand-in's messages, with the members of mesibo's package."""

from __future__ import annotations

import os

from sandbox.standin_parts import (
    MOST_SIGNED,
    MesiboDateTime,
    MesiboFile,
    Sealed,
    Sender,
    reading,
    text_or_nothing,
)
from sandbox.standin_values import (
    MESIBO_MSGSTATUS_CALLINCOMING,
    MESIBO_MSGSTATUS_CALLMISSED,
    MESIBO_MSGSTATUS_CALLOUTGOING,
    MESIBO_MSGSTATUS_DELIVERED,
    MESIBO_MSGSTATUS_FAIL,
    MESIBO_MSGSTATUS_OUTBOX,
    MESIBO_MSGSTATUS_READ,
    MESIBO_READAS_BYTES,
)


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
        self._expiry: int | None = None
        self._type = self._ts = self.uid = 0
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
        return self._expiry or 0

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
