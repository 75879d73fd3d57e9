"""Which way the calls of a slice take."""

from __future__ import annotations

from tasks.realtime import BySession
from tasks.way import ByBackend, Trip, Way
from worker.runtime import Runtime


def way_of(trip: Trip, runtime: Runtime) -> Way:
    """By the sender's session where the job names one, else to the app's backend.

    Raises Unreachable.
    """
    if trip.facts.sender:
        return BySession(trip, runtime.radio)
    return ByBackend(trip, runtime)
