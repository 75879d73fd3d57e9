"""The wish to stop, shared by every thread of a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from bulkhead.errors import Unreachable

Answer = TypeVar("Answer")

GRACE = 8.0
"""Seconds that calls in flight are given to finish after SIGTERM."""

PAUSE = 0.25


class Stopping:
    """Asked once, obeyed everywhere; `over` says that even the grace has passed."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._event = threading.Event()
        self._clock = clock
        self._asked_at = 0.0
        self.drained = False

    def ask(self) -> None:
        """No new call starts from now on."""
        if not self._event.is_set():
            self._asked_at = self._clock()
            self._event.set()

    def ask_drained(self) -> None:
        """The same, by somebody who drained this worker: nothing is left to finish."""
        self.drained = True
        self.ask()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    @property
    def over(self) -> bool:
        return self.asked and self._clock() > self._asked_at + GRACE

    def wait(self, seconds: float) -> bool:
        """True as soon as stopping is asked for, False when the time has passed."""
        return self._event.wait(seconds)

    def patiently(self, question: Callable[[], Answer]) -> Answer:
        """The store's answer, asked again while the store is away and there is time.

        Only for questions that may be asked twice. Raises Unreachable when the grace is over.
        """
        while True:
            try:
                return question()
            except Unreachable:
                if self.over:
                    raise
                threading.Event().wait(PAUSE)
