"""Processor time an item, by job size, apps and slice: `python -m benchmarks.item_cost`.

The first two compare the engine alone (store, and the worker's side of claim, begin and settle).
The third compares the whole product: an item in a slice of its own against one in a full slice.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.answer import Answer, Row, Table, joined
from benchmarks.engine_rate import add_apps, server_seconds, settled
from benchmarks.question import guarded, main, say
from benchmarks.stand import FREE, Stand, stand
from benchmarks.waiting import until
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.model.slice import Begun

TURNS, SLICES = 3, 100
FULL, SHORT = 50, 10
"""Items of a slice: a full one; and one of so many apps that each has few items."""
ITEMS = 2_000
"""Of each kind, in the whole product."""
SIZE = "cost per item, 10⁶ against 10⁴ items"
APPS = f"cost per item, 10,000 apps against 1, slices of {SHORT}"
SINGLE = "cost per item, one-permit slices against full ones"
BARS = {SIZE: 1.1, APPS: 1.3, SINGLE: 2.0}
LONGEST = 40.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A backlog in a store of its own, worked off in parts of SLICES slices."""

    name: str
    slice: int
    verbs: Verbs
    redis: Any

    def part(self) -> float:
        """Microseconds of processor time an item, of the store and of this process."""
        before, own = server_seconds(self.redis), time.process_time()
        items = slices = 0
        while slices < SLICES:
            parts = self.verbs.claim(8, self.slice).slices
            begun = self.verbs.begin([part.lease for part in parts])
            reports = [
                settled(part)
                for part, answer in zip(parts, begun, strict=True)
                if isinstance(answer, Begun)
            ]
            if not reports:
                raise RuntimeError(f"{self.name}: the backlog is over")
            self.verbs.settle(reports)
            items += sum(report.calls for report in reports)
            slices += len(reports)
        spent = server_seconds(self.redis) - before + time.process_time() - own
        return spent / items * 1e6


@contextmanager
def kind(name: str, apps: int, items: int, slice_of: int) -> Iterator[Kind]:
    """So many apps with so many items each."""
    with (
        tempfile.TemporaryDirectory(prefix="bh-") as folder,
        EmbeddedStore.start(Path(folder)) as store,
        connect(store.url) as redis,
    ):
        redis.config_set("appendfsync", "no")
        scripts = Scripts(redis)
        add_apps(redis, scripts, apps, items)
        redis.config_set("appendfsync", "always")
        yield Kind(name, slice_of, Verbs(scripts, "bench", cell="main", egress="default"), redis)


# Several jobs of 10⁴, one after the other on as many apps: one would not last.
SMALL = (TURNS + 1) * SLICES * FULL // 10_000 + 1
KINDS = {
    SIZE: (
        partial(kind, "jobs of 10⁴", SMALL, 10_000, FULL),
        partial(kind, "a job of 10⁶", 1, 1_000_000, FULL),
    ),
    APPS: (
        partial(kind, "1 app", 1, (TURNS + 1) * SLICES * SHORT, SHORT),
        partial(kind, "10,000 apps", 10_000, SHORT, SHORT),
    ),
}


def compared(kinds: Sequence[Callable[[], Any]]) -> dict[str, float]:
    """The median cost of each kind, in turns."""
    with ExitStack() as stack:
        ready = [stack.enter_context(make()) for make in kinds]
        found: dict[str, list[float]] = {one.name: [] for one in ready}
        for _ in range(TURNS):
            for one in ready:
                found[one.name].append(one.part())
    costs = {name: median(parts) for name, parts in found.items()}
    say(", ".join(f"{name}: {cost:.1f} µs" for name, cost in costs.items()))
    return costs


def measure() -> Answer:
    """Three pairs; of each the ratio counts."""
    return joined(
        [guarded(name, f"≤ {bar:g} ×", partial(pair, name)) for name, bar in BARS.items()]
    )


def pair(quality: str) -> Answer:
    """The two costs of one quality, and their ratio against its bar."""
    bar, where = BARS[quality], "product" if quality == SINGLE else "engine alone"
    costs = whole() if quality == SINGLE else compared(KINDS[quality])
    (_, before), (_, after) = costs.items()
    row = Row(quality, f"≤ {bar:g} ×", f"{after / before:.2f} ×", after / before <= bar, where)
    lines = [(name, f"{cost:.1f}") for name, cost in costs.items()]
    table = Table(f"processor time, {where}", ("an item of", "µs"), lines)
    return Answer([row], [table], {"µs": costs})


def whole() -> dict[str, float]:
    """Microseconds of the whole product an item: full slices, and slices of one permit."""
    with stand() as here:
        here.tenant("full")
        here.tenant("single")
        here.app("full/shop", **FREE)
        names = [f"app{number:04d}" for number in range(ITEMS)]
        here.apps("single", names, here.settings(rate=1.0, burst=1, max_in_flight=8))
        for tenant in ("full", "single"):
            here.context.fleet.control("tenant", tenant, "pause")
        here.submit("full/shop", "full", ITEMS)
        for name in names:
            here.submit(f"single/{name}", f"single{name}", 1)
        return {
            "full slices": spent(here, "full"),
            "slices of one permit": spent(here, "single"),
        }


def spent(here: Stand, tenant: str) -> float:
    """Let the tenant's items run; the processor time an item of all processes of `up`."""
    here.backend.reset()
    family = [here.up, *here.up.children(recursive=True)]
    before = _seconds(family)
    here.context.fleet.control("tenant", tenant, "resume")
    here.backend.wait_for(ITEMS, LONGEST)
    # Settled, too: the last calls are followed by their reports.
    until(lambda: not here.scripts.redis.zcard(here.scripts.key("lease")), LONGEST)
    cost = (_seconds(family) - before) / ITEMS * 1e6
    say(f"{tenant}: {cost:.0f} µs an item")
    return cost


def _seconds(family: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in family)


if __name__ == "__main__":
    sys.exit(main(measure, "item_cost", __doc__))
