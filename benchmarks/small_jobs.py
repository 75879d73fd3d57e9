"""How long small jobs wait for their first call while something large goes on."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from benchmarks.answer import Row
from benchmarks.question import say
from benchmarks.stand import Stand
from benchmarks.waiting import TooLate, until
from benchmarks.windows import percentile

TRIES, FEWEST = 120, 100
"""So many tries, unless time is short; a bar is only met by this many."""
LONGEST, MOST_LATE = 10.0, 2
"""Seconds after which a try counts as that long, and how many such are enough to know."""


def waits(here: Stand, app: str, rows: int, name: str, seconds: float) -> list[float]:
    """Seconds from handing each job over to its first call in the server's log."""
    # At instants that no tick of the product can follow.
    rng, found, ends = random.Random(7), [], time.monotonic() + seconds
    while len(found) < TRIES and time.monotonic() < ends and found.count(LONGEST) < MOST_LATE:
        found.append(_wait(here, app, rows, f"{name.replace(' ', '-')}-{len(found)}"))
        time.sleep(rng.uniform(0.02, 0.12))
    say(f"{name}: {len(found)} tries, p50 {percentile(found, 0.5) * 1000:.0f} ms")
    return found


def _wait(here: Stand, app: str, rows: int, group: str) -> float:
    began = time.monotonic()
    here.submit(app, group, rows)
    try:
        return min(LONGEST, until(lambda: here.backend.log(group), LONGEST, 0.02)[0] - began)
    except TooLate:
        return LONGEST


def row(quality: str, found: Sequence[float], bar: float, aim: str = "") -> Row:
    """The row for the p99, whose bar is in seconds. Too few tries can miss it, not meet it."""
    half, most = (percentile(found, part) * 1000 for part in (0.5, 0.99))
    met = most <= bar * 1000
    return Row(
        quality,
        f"p99 ≤ {bar * 1000:.0f} ms{aim}",
        f"p99 {most:.0f} ms, p50 {half:.0f} ms",
        None if met and len(found) < FEWEST else met,
        f"{len(found)} tries",
    )
