"""How often a thing may be said: what the internet can cause must not fill a log."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 60.0
"""Seconds between two lines about the same."""


class Seldom:
    """Lets the first of each kind pass, then one a minute that speaks for all since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[tuple[str, ...], float] = {}
        self._held: dict[tuple[str, ...], int] = {}

    def times(self, *kind: str) -> int:
        """How many times it happened since it was last said, this one included; 0: be silent."""
        now = self._clock()
        count = self._held.pop(kind, 0) + 1
        if now - self._said.get(kind, -EVERY) < EVERY:
            self._held[kind] = count
            return 0
        self._said[kind] = now
        return count
