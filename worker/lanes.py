"""Threads that make calls: a fixed number a process, whatever the number of slices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from structlog import get_logger


class Lanes:
    """Runs work on daemon threads, so that a call that hangs never keeps a process alive."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = 0

    def run(self, work: Callable[[], None]) -> None:
        """Start the work on a free lane, or as soon as one is."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif len(self._threads) < self._most:
                name = f"lane-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            try:
                self._work.get()()
            except Exception:
                # A lane that ended would be missed until the process does.
                get_logger().exception("unexpected_error")
            with self._lock:
                self._idle += 1
