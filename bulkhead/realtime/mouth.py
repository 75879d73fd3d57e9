"""How the session's process speaks: from any thread, in order, and without waiting."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import NoReturn

from bulkhead.realtime.exits import ORPHAN
from bulkhead.realtime.lines import to_line

_THE_END = b""
_AT_ONCE = 200


class Mouth:
    """Says lines into a pipe. A native thread that calls back only puts its line down here."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._done = Event()
        Thread(target=self._speak, name="mouth", daemon=True).start()

    def tell(self, kind: str, **about: object) -> None:
        """Say what has happened now."""
        at_ms = time.time_ns() // 1_000_000
        self._lines.put(to_line({"kind": kind, "at_ms": at_ms, "about": about}))

    def leave(self, code: int, seconds: float = 1.0) -> NoReturn:
        """End this process when all is said, or so many seconds from now."""
        self._lines.put(_THE_END)
        self._done.wait(seconds)
        # No atexit, no destructors: native ones have been seen to end a process by a signal.
        os._exit(code)

    def _speak(self) -> None:
        try:
            while True:
                lines = self._next()
                _write(self._fd, b"".join(lines))
                if _THE_END in lines:
                    self._done.set()
        except OSError:
            os._exit(ORPHAN)

    def _next(self) -> list[bytes]:
        lines = [self._lines.get()]
        with suppress(Empty):
            while len(lines) < _AT_ONCE:
                lines.append(self._lines.get_nowait())
        return lines


def _write(fd: int, said: bytes) -> None:
    view = memoryview(said)
    while view:
        view = view[os.write(fd, view) :]
