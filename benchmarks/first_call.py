"""The first call of a small job while a million items run: `python -m benchmarks.first_call`.

From handing three rows over to the first call in the server's log; without a priority.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from benchmarks.answer import Answer, Table
from benchmarks.question import main, say
from benchmarks.small_jobs import row, waits
from benchmarks.stand import stand
from benchmarks.waiting import until
from benchmarks.windows import percentile

ITEMS, RATE, BURST = 1_000_000, 200.0, 40
BAR, AIM = 0.25, ", aim 100"
TRY_FOR = 28.0
LONGEST = 20.0
"""Seconds."""
NAMES = {"same app": "big/shop", "another tenant": "small/shop"}
QUALITY = "first call of a small job beside a million items"


def measure() -> Answer:
    """Small jobs on the busy app, then on another tenant's."""
    with stand() as here:
        for tenant in ("big", "small"):
            here.tenant(tenant)
            here.app(f"{tenant}/shop", rate=RATE, burst=BURST, max_in_flight=64)
        job = here.submit("big/shop", "million", ITEMS)
        until(lambda: len(here.backend.log("million")) > RATE, LONGEST)
        say(f"{ITEMS:,} items run")
        found = {name: waits(here, app, 3, name, TRY_FOR) for name, app in NAMES.items()}
        running = job.refresh().state.value
    if running != "running":
        raise RuntimeError(f"the large job was {running} at the end")
    return judged(found)


def judged(found: Mapping[str, Sequence[float]]) -> Answer:
    """The percentiles of each kind, held against the bar."""
    rows, lines = [], []
    for name, some in found.items():
        parts = [f"{percentile(some, part) * 1000:.0f}" for part in (0.5, 0.99, 1)]
        lines.append((name, str(len(some)), *parts))
        rows.append(row(f"{QUALITY}, {name}", some, BAR, AIM))
    heads = ("small jobs", "tries", "p50, ms", "p99, ms", "worst, ms")
    title = f"{ITEMS:,} items at {RATE:g}/s; from handing over to the first call"
    return Answer(rows, [Table(title, heads, lines)], {"waits": dict(found)})


if __name__ == "__main__":
    sys.exit(main(measure, "first_call", __doc__))
