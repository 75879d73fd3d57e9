"""What the store hears while nobody asks for anything: `python -m benchmarks.idle`.

`up` with its workers and its api, one app, no job. Judged is what the processes send; what the
scripts call inside the store is counted by the store as well, and shown beside it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from benchmarks import product
from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main
from benchmarks.stand import FREE, stand

BAR = 5.0
SETTLED, SECONDS = 5.0, 20.0
OURS = ("info", "monitor")
"""What this measurement itself sends."""


def measure() -> Answer:
    """Listen for a while, and compare with the store's own count."""
    with stand() as here:
        here.tenant("idle")
        here.app("idle/shop", **FREE)
        time.sleep(SETTLED)
        redis: Any = here.scripts.redis
        with redis.monitor() as monitor:
            before, began = _counted(redis), time.monotonic()
            sent, inside = _heard(monitor, began + SECONDS)
            took = time.monotonic() - began
            total = sum((_counted(redis) - before).values())
    return judged(sent, inside, total, took)


def _heard(monitor: Any, ends: float) -> tuple[Counter[str], Counter[str]]:
    sent: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    while time.monotonic() < ends:
        # Blocks until anything is heard: an idle product still beats.
        command = monitor.next_command()
        name = command["command"].split(" ", 1)[0].lower()
        if command["client_type"] == "lua":
            inside[name] += 1
        elif name not in OURS:
            sent[name] += 1
    return sent, inside


def _counted(redis: Any) -> Counter[str]:
    stats = redis.info("commandstats")
    return Counter(
        {
            name.removeprefix("cmdstat_"): int(told["calls"])
            for name, told in stats.items()
            if name.removeprefix("cmdstat_") not in OURS
        }
    )


def judged(sent: Mapping[str, int], inside: Mapping[str, int], total: int, took: float) -> Answer:
    """Commands a second and worker."""
    each = 1 / took / product.WORKERS
    lines = [
        (name, f"{sent.get(name, 0) * each:.2f}", f"{inside.get(name, 0) * each:.2f}")
        for name in sorted({*sent, *inside}, key=lambda name: -sent.get(name, 0))
    ]
    told = sum(sent.values()) * each
    row = Row(
        "idle store",
        f"≤ {BAR:g} commands/s a worker",
        f"{told:.1f}/s",
        told <= BAR,
        f"with what scripts call inside {sum(inside.values()) * each + told:.1f}/s; "
        f"the store itself counts {total * each:.1f}/s",
    )
    heads = ("commands a second and worker", "sent", "inside scripts")
    title = f"{product.WORKERS} workers and their api, nothing to do, {took:.0f} s"
    figures = {"sent": dict(sent), "inside": dict(inside), "counted": total, "seconds": took}
    return Answer([row], [Table(title, heads, lines)], figures)


if __name__ == "__main__":
    sys.exit(main(measure, "idle", __doc__))
