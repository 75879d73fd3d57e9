"""A stand-in for the Python package `mesibo`, which speaks to the sandbox instead of mesibo.

It has the package's names, numbers and callbacks, and its edges: what ends a process there ends it
here. The sandbox is found at the address in MESIBO_SANDBOX; without it nothing can be reached.
With MESIBO_STANDIN=too_old it refuses to start as an expired build does.
"""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import Any

from sandbox.standin_core import Core
from sandbox.standin_history import MesiboReadSession
from sandbox.standin_message import MesiboMessage
from sandbox.standin_native import crash, say, write
from sandbox.standin_parts import (
    MOST_SIGNED,
    MesiboDateTime,
    MesiboFile,
    Sealed,
    reading,
    text_or_nothing,
)
from sandbox.standin_presence import MesiboPresence
from sandbox.standin_values import *  # noqa: F403 - all of them are the module's

__mesibo_version__ = "0.0.0-standin"

__all__ = [
    "Mesibo",
    "MesiboDateTime",
    "MesiboFile",
    "MesiboListener",
    "MesiboMessage",
    "MesiboPresence",
    "MesiboReadSession",
    "getInstance",
    "readDataAs",
]


class MesiboListener:
    """To be subclassed; each method must be there, return an int and never raise.

    An instance takes no attributes, and the one who adds it has to keep it alive.
    """

    __slots__ = ("__weakref__",)

    def __init__(self) -> None:
        if type(self) is MesiboListener:
            raise RuntimeError("accessing abstract class or protected constructor")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def Mesibo_onConnectionStatus(self, status: int) -> int:
        raise NotImplementedError

    def Mesibo_onMessage(self, message: MesiboMessage) -> int:
        raise NotImplementedError

    def Mesibo_onMessageStatus(self, message: MesiboMessage) -> int:
        raise NotImplementedError

    def Mesibo_onMessageUpdate(self, message: MesiboMessage) -> int:
        raise NotImplementedError

    def Mesibo_onPresence(self, presence: MesiboPresence) -> int:
        raise NotImplementedError

    def Mesibo_onEndToEndEncryption(self, message: Any) -> int:
        raise NotImplementedError


_core = Core(MesiboListener)


class Mesibo(Sealed):
    """A handle of the one object that a process has; only `getInstance` makes one."""

    __slots__ = ()

    def __new__(cls) -> Mesibo:
        raise TypeError("Cannot create new instances of type 'mesibo.Mesibo'")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mesibo)

    def __hash__(self) -> int:
        return id(_core)

    def addListener(self, listener: MesiboListener) -> int:
        """The last one added is called, as long as somebody else holds it."""
        if not isinstance(listener, MesiboListener):
            raise TypeError("in method 'Mesibo_addListener', argument 2 of type 'MesiboListener *'")
        _core.listeners.add(listener)
        return 0

    def setAccessToken(self, token: str) -> int:
        """0 whatever the token is; None ends the process."""
        if text_or_nothing(token, "Mesibo_setAccessToken") is None:
            crash()
        _core.set_token(token)
        return 0

    def setAppName(self, name: str) -> None:
        """Without a dot in the name `start` ends the process."""
        _core.app_id = text_or_nothing(name, "Mesibo_setAppName") or ""

    def setAppId(self, name: str) -> None:
        self.setAppName(name)

    def setPath(self, folder: str) -> int:
        _core.folder = Path(text_or_nothing(folder, "Mesibo_setPath") or "")
        return 0

    def setDatabase(self, name: str, flags: int = 0) -> int:
        """Messages are kept in that file of the folder, for read sessions."""
        _core.open_book(text_or_nothing(name, "Mesibo_setDatabase") or "mesibo.db")
        return 0

    def start(self) -> int:
        _core.start()
        return 0

    def stop(self) -> int:
        _core.stop()
        return 0

    def wait(self) -> int:
        """At once if it is not connected."""
        _core.wait()
        return 0

    def reconnect(self) -> int:
        return 0

    def getConnectionStatus(self) -> int:
        return _core.status

    def getUid(self) -> int:
        return _core.uid

    def getAddress(self) -> str | None:
        return _core.address

    def random(self) -> int:
        return _core.random.getrandbits(31)

    def getUniqueMessageId(self) -> int:
        return _core.random.getrandbits(31)

    def newMessage(self, address: str) -> MesiboMessage:
        to = text_or_nothing(address, "Mesibo_newMessage")
        return MesiboMessage(_core, _core.new_mid(), to)

    def newGroupMessage(self, gid: int) -> MesiboMessage:
        return MesiboMessage(_core, _core.new_mid(), None, _gid(gid, "Mesibo_newGroupMessage"))

    def newPresence(self, address: str) -> MesiboPresence:
        return MesiboPresence(_core, text_or_nothing(address, "Mesibo_newPresence"), 0)

    def newGroupPresence(self, gid: int) -> MesiboPresence:
        return MesiboPresence(_core, None, _gid(gid, "Mesibo_newGroupPresence"))

    def createReadSession(
        self, address: str | None, gid: int, query: str | None, listener: MesiboListener
    ) -> MesiboReadSession:
        return MesiboReadSession(_core, address, _gid(gid, "Mesibo_createReadSession"), listener)

    def isAccountPaid(self) -> int:
        return 0

    def isAccountSuspended(self) -> int:
        return 0


def _gid(value: object, where: str) -> int:
    if not isinstance(value, int):
        raise TypeError(f"in method '{where}', argument 2 of type 'uint32_t'")
    if not -MOST_SIGNED <= value < MOST_SIGNED:
        raise OverflowError(f"in method '{where}', argument 2 of type 'uint32_t'")
    return value


def getInstance() -> Mesibo:
    """The only way to a `Mesibo`; all of them are one."""
    return object.__new__(Mesibo)


def readDataAs(kind: int) -> None:
    """How `data` is given from now on."""
    reading["as"] = kind


def _leave() -> None:
    _core.stop()
    write("stopping mesibo api\n")


write("loading mesibo api - stand-in\n")
say("mesibo init")
atexit.register(_leave)
