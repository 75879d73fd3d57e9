"""What the sandbox's log says about when calls were made."""

from __future__ import annotations

import json
from itertools import pairwise

LATE = 0.05
"""Seconds that a permit stays good: two of one instant may be used so far apart."""


class Calls:
    """The calls of one log, in order of arrival; `t` in unix seconds."""

    def __init__(self, path, label=None):
        lines = path.read_bytes().rpartition(b"\n")[0].splitlines()
        entries = [json.loads(line) for line in lines]
        chosen = [one for one in entries if label is None or one["token"] == label]
        self.entries = sorted(chosen, key=lambda one: one["t"])
        self.times = [one["t"] for one in self.entries]

    def __len__(self):
        return len(self.times)

    def after(self, instant):
        return [t for t in self.times if t > instant]

    def longest_gap(self, start, end):
        """The longest time without a call between two instants, and when it began."""
        inside = [start, *(t for t in self.times if start < t < end), end]
        return max((later - earlier, earlier) for earlier, later in pairwise(inside))

    def busiest(self, seconds):
        """The most calls in any window of this length."""
        most = first = 0
        for last, t in enumerate(self.times):
            while self.times[first] <= t - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def excess(self, rate, burst):
        """Over all windows the most of calls − rate × (window + 50 ms) − burst; ≤ 0 is lawful.

        A window that starts and ends with a call is the worst of its kind. With
        f(i) = i − rate × t(i), the window from i to j has f(j) − f(i) + 1 − rate × 50 ms − burst.
        """
        lowest = worst = None
        for number, t in enumerate(self.times):
            height = number - rate * t
            lowest = height if lowest is None else min(lowest, height)
            here = height - lowest + 1 - rate * LATE - burst
            worst = here if worst is None else max(worst, here)
        return worst

    def used(self, rate, burst, seconds):
        """The part used of the permits of a time: from the first call on, and at its best.

        The best is over all windows of this length; each is held against a full burst.
        """
        allowed, last, most = rate * seconds + burst, 0, []
        for first, t in enumerate(self.times):
            while last < len(self.times) and self.times[last] <= t + seconds:
                last += 1
            most.append((last - first) / allowed)
        return most[0], max(most)
