"""How many more calls this process may start: the feeder claims no more than that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.model.slice import Slice

LAPSED = 3.0
"""Seconds: longer than a granted lease lives; a parcel that has not arrived by then never will."""


@dataclass(frozen=True, slots=True)
class Free:
    """Room for new work: calls at once, and parcels in hand."""

    calls: int
    parcels: int

    def __bool__(self) -> bool:
        return self.calls > 0 and self.parcels > 0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A parcel that was claimed, and when."""

    parcel: list[Slice]
    at: float


class Slots:
    """Counts claimed minus settled, and remembers what was claimed and has not begun."""

    def __init__(
        self, calls: int, parcels: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._free_calls = calls
        self._parcels = self._free_parcels = parcels
        self._running = 0
        self._waiting: dict[str, _Taken] = {}
        """By the first lease of the parcel."""
        self._held: dict[str, int] = {}
        """Lanes of leases that need fewer than they were granted."""
        self._changed = threading.Condition()

    def take(self, parcel: list[Slice]) -> None:
        """A parcel was claimed."""
        with self._changed:
            self._free_parcels -= 1
            self._free_calls -= sum(part.parallel for part in parcel)
            self._waiting[parcel[0].lease] = _Taken(parcel, self._clock())

    def begin(self, parcel: list[Slice]) -> float | None:
        """A parcel arrived; from now on its runner answers for its leases.

        Returns when it was claimed, in monotonic seconds, or None if it must not run: it came
        before, or so late that its leases are others' by now.
        """
        with self._changed:
            taken = self._waiting.pop(parcel[0].lease, None)
            if taken is None:
                return None
            self._running += 1
            return taken.at

    def narrow(self, part: Slice, lanes: int) -> None:
        """A slice needs only so many of its lanes from now on; none once it has ended."""
        with self._changed:
            held = self._held.get(part.lease, part.parallel)
            if lanes < held:
                self._held[part.lease] = lanes
                self._free_calls += held - lanes
                self._changed.notify_all()

    def release(self, parcel: list[Slice]) -> None:
        """A parcel is settled."""
        with self._changed:
            self._running -= 1
            self._free_parcels += 1
            self._free_calls += sum(self._held.pop(part.lease, part.parallel) for part in parcel)
            self._changed.notify_all()

    def wait_free(self, seconds: float) -> Free:
        """The room there is, waited for at most this long."""
        with self._changed:
            self._forget_lost()
            self._changed.wait_for(lambda: bool(self._free()), seconds)
            return self._free()

    def wait_idle(self, seconds: float) -> bool:
        """True as soon as every parcel that began is settled, False when the time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, seconds)

    def wait_empty(self, seconds: float) -> bool:
        """True as soon as every parcel that was claimed is settled, False when the time is up."""
        with self._changed:
            return self._changed.wait_for(lambda: self._free_parcels == self._parcels, seconds)

    def abandon(self) -> list[str]:
        """Leases that were claimed and never arrived: to be given back at the end."""
        with self._changed:
            leases = [part.lease for taken in self._waiting.values() for part in taken.parcel]
            self._waiting.clear()
            return leases

    def _forget_lost(self) -> None:
        """Take back the room of parcels whose message was lost."""
        late = self._clock() - LAPSED
        for lease in [lease for lease, taken in self._waiting.items() if taken.at < late]:
            self._free_parcels += 1
            self._free_calls += sum(part.parallel for part in self._waiting.pop(lease).parcel)

    def _free(self) -> Free:
        return Free(self._free_calls, self._free_parcels)
