"""What a log of instants says: windows, permits used, percentiles. Seconds throughout."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

LATE = 0.05
"""Seconds that a permit stays good: two of one instant may be used so far apart."""


def excess(times: Sequence[float], rate: float, burst: float) -> float:
    """Over all windows the most of calls − rate × (window + 50 ms) − burst; ≤ 0 is lawful.

    A window that starts and ends with a call is the worst of its kind, and with
    f(i) = i − rate × t(i) the one from i to j has f(j) − f(i) + 1 − rate × 50 ms − burst.
    `times` are in order; without any the answer is what an empty window has.
    """
    allowed = rate * LATE + burst
    lowest, worst = math.inf, -allowed
    for number, t in enumerate(times):
        height = number - rate * t
        lowest = min(lowest, height)
        worst = max(worst, height - lowest + 1 - allowed)
    return worst


def used(logs: Iterable[Sequence[float]], rate: float, start: float, end: float) -> float:
    """The part of the permits of all apps between two instants that calls used.

    Each log is of one app with this rate. Held against rate × time alone: a burst that was
    saved up before `start` must be spent by then.
    """
    apps = calls = 0
    for times in logs:
        apps += 1
        calls += bisect_left(times, end) - bisect_left(times, start)
    return calls / (rate * (end - start) * apps)


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of all values does not pass. Raises ValueError."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def between(times: Sequence[float], start: float, end: float) -> int:
    """How many instants lie after `start` and not after `end`."""
    return bisect_right(times, end) - bisect_right(times, start)
