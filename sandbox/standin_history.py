"""The stand-in's own store of messages, and the sessions that read it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.standin_message import MesiboMessage
from sandbox.standin_native import Listeners, crash
from sandbox.standin_parts import MesiboFile, Sealed, text_or_nothing

if TYPE_CHECKING:
    from sandbox.standin_core import Core

_TABLE = """CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, mid INTEGER, peer TEXT, gid INTEGER, outgoing INTEGER,
    text TEXT, title TEXT, file TEXT, status INTEGER, ts INTEGER)"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_mid ON messages (mid)"


class Book:
    """The messages of one folder; `found` if an earlier process made it."""

    def __init__(self, path: Path) -> None:
        self.found = path.exists()
        self._lock = threading.Lock()
        self._store = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Nothing here outlives the machine: it need not be on disk before the next message.
        self._store.execute("PRAGMA synchronous=OFF")
        self._store.execute("PRAGMA journal_mode=MEMORY")
        self._store.execute(_TABLE)
        self._store.execute(_INDEX)

    def keep(self, message: MesiboMessage, ts: int) -> None:
        """Note one message."""
        row = (
            message.mid, message.peer, message.groupid, message.isOutgoing(), message._message,
            message._title, message.file.path or message.file.url, message.getStatus(), ts,
        )  # fmt: skip
        columns = "mid, peer, gid, outgoing, text, title, file, status, ts"
        with self._lock:
            self._store.execute(
                f"INSERT INTO messages ({columns}) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608
                row,
            )

    def reached(self, mid: int, status: int) -> None:
        """Note how far an outgoing message came; it never goes back."""
        with self._lock:
            self._store.execute(
                "UPDATE messages SET status = ? WHERE mid = ? AND outgoing = 1 AND status < ?",
                (status, mid, status),
            )

    def rows(self, peer: str | None, gid: int, before: int, count: int) -> list[tuple[Any, ...]]:
        """The latest messages with somebody or of a group, older than that row."""
        where = "gid = ?" if gid else "gid = 0 AND peer = ?" if peer else "1 = ?"
        whom = gid or peer or 1
        with self._lock:
            found = self._store.execute(
                f"SELECT * FROM messages WHERE {where} AND id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608
                (whom, before, count),
            )
            return found.fetchall()


class MesiboReadSession(Sealed):
    """Reads what the process's own folder has, page after page; never the server."""

    __slots__ = ("_before", "_core", "_fifo", "_gid", "_listeners", "_peer", "_receipts")

    def __init__(self, core: Core, peer: str | None, gid: int, listener: object) -> None:
        self._core = core
        self._peer = text_or_nothing(peer, "Mesibo_createReadSession")
        self._gid = gid
        self._before = 1 << 62
        self._fifo = self._receipts = False
        self._listeners = Listeners(core.listeners.base)
        self._listeners.add(listener)

    def enableReadReceipt(self, on: bool) -> None:
        self._receipts = bool(on)

    def enableFifo(self, on: bool) -> None:
        self._fifo = bool(on)

    def enableFiles(self, on: bool) -> None: ...

    def enableSummary(self, on: bool) -> None: ...

    def enableMessages(self, on: bool) -> None: ...

    def enableCalls(self, on: bool) -> None: ...

    def start(self) -> int:
        return 0

    def stop(self) -> None: ...

    def sync(self, count: int) -> int:
        """Nothing is fetched here."""
        return -1

    def read(self, count: int) -> int:
        """Give the listener so many messages more; returns how many there were, or -1."""
        core = self._core
        if core.book is None:
            crash()
            return -1
        if not core.uid:
            return -1
        rows = core.book.rows(self._peer, self._gid, self._before, count)
        if rows:
            self._before = rows[-1][0]
        messages = [_stored(core, row) for row in (reversed(rows) if self._fifo else rows)]
        if messages:
            messages[-1]._last = True
        for message in messages:
            self._listeners.call("Mesibo_onMessage", message)
        if self._receipts:
            core.was_read(messages)
        return len(messages)


def _stored(core: Core, row: tuple[Any, ...]) -> MesiboMessage:
    _, mid, peer, gid, outgoing, text, title, file, status, ts = row
    message = MesiboMessage(core, mid, peer, gid)
    message._message, message._title = text, title
    message._outgoing, message._plain, message._stored = bool(outgoing), not file, True
    message._status, message._ts = status, ts
    if file:
        online = str(file).startswith("http")
        message.file = MesiboFile(None if online else file, file if online else None)
    return message
