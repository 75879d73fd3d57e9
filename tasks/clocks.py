"""The clocks of a slice: the store's instants, in this machine's own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bulkhead.model.slice import Begun

LATE = 0.045
"""Seconds after its instant that a call may still start: it arrives within the 50 ms that are
promised, by as many milliseconds as it needs to leave."""


@dataclass(frozen=True, slots=True)
class Window:
    """When calls of one slice may start, in monotonic seconds of this machine."""

    opens: float
    closes: float

    def instant(self, offset: int) -> float:
        """When the permit with this offset (microseconds after the claim) falls due."""
        return self.opens + offset / 1e6

    def missed(self, instant: float, now: float) -> bool:
        """True if a call that starts now would come too late for its permit."""
        return now > instant + LATE or self.over(now)

    def over(self, now: float) -> bool:
        """True if no call of this slice may start any more."""
        return now > self.closes


@dataclass(frozen=True, slots=True)
class Clocks:
    """Handed in, so that tests can move them."""

    monotonic: Callable[[], float] = field(default=time.monotonic)
    wall: Callable[[], float] = field(default=time.time)

    def window(self, begun: Begun, asked_at: float, answered_at: float) -> Window:
        """The slice's window, from one exchange with the store.

        The store's clock stood somewhere between question and answer: the later end keeps a
        call from being early, the earlier one keeps it from being late.
        """
        return Window(
            opens=answered_at - begun.since_claim / 1e6,
            closes=asked_at + begun.left / 1e6,
        )
