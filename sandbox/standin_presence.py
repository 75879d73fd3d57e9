"""The stand-in's presence, with the members of mesibo's package."""

from __future__ import annotations

from sandbox.standin_parts import Sealed, Sender
from sandbox.standin_values import (
    MESIBO_ACTIVITY_JOINED,
    MESIBO_ACTIVITY_LEFT,
    MESIBO_ACTIVITY_ONLINE,
    MESIBO_ACTIVITY_TYPING,
    MESIBO_ACTIVITY_TYPINGCLEARED,
)


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
