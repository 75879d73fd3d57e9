"""The first call of a small job while a million items run: `python -m benchmarks.first_call`.

From handing three rows over to the first call in the server's log; without a priority.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main, say
from benchmarks.stand import Stand, stand, until
from benchmarks.windows import percentile

ITEMS, RATE, BURST = 1_000_000, 200.0, 40
BAR, AIM = 0.25, 0.1
TRIES, FEWEST, TRY_FOR = 120, 100, 30.0
"""So many tries of each kind, or as many as fit into so many seconds; fewer are no figure."""
LONGEST = 20.0
NAMES = {"big/shop": "same app", "small/shop": "another tenant"}


def measure() -> Answer:
    """Small jobs on the busy app, then on another tenant's."""
    with stand() as here:
        for tenant in ("big", "small"):
            here.tenant(tenant)
            here.app(f"{tenant}/shop", rate=RATE, burst=BURST, max_in_flight=64)
        job = here.submit("big/shop", "million", ITEMS)
        until(lambda: len(here.backend.log("million")) > RATE, LONGEST)
        say(f"{ITEMS:,} items run")
        waits = {name: tried(here, app, name) for app, name in NAMES.items()}
        running = job.refresh().state.value
    if running != "running":
        raise RuntimeError(f"the large job was {running} at the end")
    return judged(waits)


def tried(here: Stand, app: str, name: str) -> list[float]:
    """Seconds to the first call of each small job; at instants that no tick can follow."""
    rng, waits, ends = random.Random(7), [], time.monotonic() + TRY_FOR
    while len(waits) < TRIES and time.monotonic() < ends:
        group = f"{app[:3]}{len(waits)}"
        began = time.monotonic()
        here.submit(app, group, 3)
        first = until(lambda group=group: here.backend.log(group), LONGEST, 0.02)[0]
        waits.append(first - began)
        time.sleep(rng.uniform(0.02, 0.12))
    say(f"{name}: {len(waits)} tries, p50 {percentile(waits, 0.5) * 1000:.0f} ms")
    return waits


def judged(waits: Mapping[str, Sequence[float]]) -> Answer:
    """The percentiles of each kind, held against the bar."""
    rows, lines = [], []
    for name, some in waits.items():
        half, most, worst = (percentile(some, part) * 1000 for part in (0.5, 0.99, 1))
        lines.append((name, str(len(some)), f"{half:.0f}", f"{most:.0f}", f"{worst:.0f}"))
        enough = len(some) >= FEWEST
        rows.append(
            Row(
                f"first call of a small job beside a million items, {name}",
                f"p99 ≤ {BAR * 1000:.0f} ms, aim {AIM * 1000:.0f}",
                f"p99 {most:.0f} ms, p50 {half:.0f} ms",
                most <= BAR * 1000 if enough else None,
                f"{len(some)} tries",
            )
        )
    heads = ("small jobs", "tries", "p50, ms", "p99, ms", "worst, ms")
    title = f"{ITEMS:,} items at {RATE:g}/s; from handing over to the first call"
    return Answer(rows, [Table(title, heads, lines)], {"waits": dict(waits)})


if __name__ == "__main__":
    sys.exit(main(measure, "first_call", __doc__))
