"""What the sandbox's log says: each call as it arrived, by the clock of the one who was called."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `t` is the unix second at which its last byte arrived."""

    t: float
    label: str
    op: str
    key: str
    peer: str
    outcome: str


class Log:
    """Reads a growing log, each line once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._calls: list[Call] = []

    def calls(self, label: str | None = None) -> Calls:
        """All whole lines so far, or those of one app token."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._calls += [_call(line) for line in whole.splitlines()]
        return Calls([one for one in self._calls if label in (None, one.label)])


class Calls:
    """Some calls in the order of their arrival."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = sorted(calls, key=lambda one: one.t)
        self.times = [one.t for one in self._calls]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def between(self, start: float, end: float) -> Calls:
        """Those that arrived from `start` on and before `end`."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        return Calls(self._calls[first:last])

    def ending(self, *outcomes: str) -> Calls:
        """Those with one of these outcomes."""
        return Calls([one for one in self._calls if one.outcome in outcomes])

    def about(self, prefix: str) -> Calls:
        """Those whose key begins so."""
        return Calls([one for one in self._calls if one.key.startswith(prefix)])

    def keys(self) -> set[str]:
        """Whom they were about."""
        return {one.key for one in self._calls}

    def first_of(self, key: str) -> float | None:
        """When the first call about a key arrived."""
        return next((one.t for one in self._calls if one.key == key), None)

    def by_second(self, start: float, end: float) -> list[int]:
        """How many arrived in each second from `start` on."""
        counts = [0] * max(0, round(end - start))
        for t in self.between(start, start + len(counts)).times:
            counts[int(t - start)] += 1
        return counts

    def used(self, start: float, end: float, rate: float) -> float:
        """The part used of the permits that a rate allows in this time, any burst left out."""
        return len(self.between(start, end)) / (rate * (end - start))

    def at_pace_from(self, start: float, rate: float) -> float | None:
        """The first instant from `start` on that is at a pace and stays there.

        Then the next five seconds make 95 % of it in all, and each of them 80 %.
        """
        for instant in self.between(start, float("inf")).times:
            seconds = self.by_second(instant, instant + 5)
            if sum(seconds) >= 0.95 * 5 * rate and min(seconds) >= 0.8 * rate:
                return instant
        return None


def _call(line: bytes) -> Call:
    entry = json.loads(line)
    return Call(
        entry["t"], entry["token"], entry["op"], entry["key"], entry["peer"], entry["outcome"]
    )
