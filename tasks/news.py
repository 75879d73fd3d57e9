"""What the thread of a parcel waits for, told from the caller's thread."""

from __future__ import annotations

import threading


class News:
    """That all slices which are running are over, or that one has something to tell at once."""

    def __init__(self) -> None:
        self._running = 0
        self._lock = threading.Lock()
        self._event = threading.Event()

    def expect(self, slices: int) -> None:
        """So many more slices run from now on."""
        with self._lock:
            self._running += slices

    def one_over(self) -> None:
        """One fewer runs; the last one wakes who waits."""
        with self._lock:
            self._running -= 1
            last = self._running <= 0
        if last:
            self._event.set()

    def tell(self) -> None:
        """Wake who waits, whoever else still runs."""
        self._event.set()

    @property
    def told(self) -> bool:
        """True if somebody woke who waits."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """True if all are over, False if something was told, or the time has passed."""
        self._event.wait(seconds)
        with self._lock:
            return self._running <= 0

    def clear(self) -> None:
        """Wait for what is told from now on; to be called before one looks what there is."""
        self._event.clear()
