"""The one thread of a process in which its calls are on the wire: an event loop."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

try:
    from uvloop import new_event_loop
except ImportError:  # not made for every platform
    from asyncio import new_event_loop  # type: ignore[assignment]

ENDS_WITHIN = 5.0
"""Seconds that its end is waited for."""


class Caller:
    """Starts with its first work. What it runs must never wait: everybody's calls would."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None:
                self._loop = new_event_loop()
                self._loop.set_exception_handler(_log_surprise)
                run = self._loop.run_forever
                # A daemon: a call that hangs never keeps a process alive.
                self._thread = threading.Thread(target=run, name="caller", daemon=True)
                self._thread.start()
            return self._loop

    def soon(self, work: Callable[..., object], *args: Any) -> None:
        """Run the work in the caller's thread; asked from any thread."""
        with suppress(RuntimeError):  # closed: the process ends
            self.loop.call_soon_threadsafe(work, *args)

    def later(self, seconds: float, work: Callable[[], object]) -> asyncio.TimerHandle:
        """Run it after this time and never before; asked in the caller's thread."""
        # Rounded up, because uvloop's timers count whole milliseconds.
        return self.loop.call_later(math.ceil(seconds * 1000) / 1000, work)

    def close(self) -> None:
        """End the thread; work that is left never runs."""
        with self._lock:
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(ENDS_WITHIN)
        if not thread.is_alive():
            loop.close()


def _log_surprise(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The error alone: the loop's own words would quote what it was handed, tokens included."""
    logging.getLogger(__name__).error("a callback failed", exc_info=context.get("exception"))
