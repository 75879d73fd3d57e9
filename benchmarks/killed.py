"""`kill -9` of workers, over and over: `python -m benchmarks.killed`.

A short version that fits in here; the chaos test of `make test-slow` kills every process, at any
instant, for ten minutes. Judged by the log of the server that was called.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise

from benchmarks import product
from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main, say
from benchmarks.stand import Stand, stand
from benchmarks.waiting import until
from benchmarks.windows import between
from bulkhead.handle import JobHandle

LATENCY = 0.2
RATE, ITEMS, KILLS, EVERY = 300.0, 4_000, 3, 3.0
"""Calls a second, items of a job, kills during each job, and seconds between two."""
ENDS_WITHIN, RESUMES_WITHIN = 60.0, 15.0
SLOTS, UNSETTLED = 64, 0.25
"""Most calls at once in a process, and seconds of work that may not be settled yet."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one job whose workers were killed."""

    name: str
    items: int
    kills: int
    succeeded: int
    unknown: int
    calls: int
    distinct: int
    on_wire: int
    """Calls in flight at the instants of the kills, of all workers."""
    longest_gap: float
    """Seconds without any call, from the first to the last."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """As the table shows them."""
        settled = (self.items, self.kills, self.succeeded, self.unknown)
        return *settled, self.calls, self.distinct, self.on_wire

    @property
    def repeats(self) -> int:
        return self.calls - self.distinct

    @property
    def lost(self) -> int:
        """Items that are neither settled nor known to be unknown, or were never called."""
        return self.items - self.succeeded - self.unknown + max(0, self.succeeded - self.distinct)


def measure() -> Answer:
    """A job that may be repeated, and one that must not, each with a rain of kills."""
    with stand() as here:
        here.backend.delay({"*": LATENCY})
        here.tenant("acme")
        here.app("acme/shop", rate=RATE, burst=20, max_in_flight=96)
        safe = survived(here, "safe", here.submit("acme/shop", "safe", ITEMS))
        people = (f"once.{number:06d}@tenant.example" for number in range(ITEMS))
        once = survived(here, "once", here.client.issue_tokens(people, app="acme/shop"))
    return judged(safe, once)


def survived(here: Stand, name: str, job: JobHandle) -> Found:
    """Kill a worker every few seconds while the job runs, and wait for its end."""
    rng, kills = random.Random(11), []
    here.backend.reset()
    until(lambda: here.backend.count().calls, ENDS_WITHIN)
    while len(kills) < KILLS and not job.refresh().ended:
        time.sleep(rng.uniform(0.5, 1.5) * EVERY)
        # A kill that meets no call proves nothing; at the end of the job there are none.
        flowing(here, name, job)
        pids = [int(worker["pid"]) for worker in here.context.fleet.workers() if worker.get("pid")]
        kills.append(time.monotonic())
        killed_one(rng, pids)
    until(lambda: job.refresh().ended, ENDS_WITHIN, 0.2)
    say(f"{name}: {len(kills)} kills")
    count, times, counts = here.backend.count(), here.backend.log(name), job.refresh().counts
    wire = sum(between(times, at - LATENCY, at) for at in kills)
    gap = max((b - a for a, b in pairwise(times)), default=0.0)
    seen = (counts.succeeded, counts.unknown, count.calls, count.distinct)
    return Found(name, ITEMS, len(kills), *seen, wire, gap)


def flowing(here: Stand, name: str, job: JobHandle) -> None:
    """Returns when calls are made again, or the job has ended."""
    seen = len(here.backend.log(name))
    until(
        lambda: len(here.backend.log(name)) > seen + RATE / 10 or job.refresh().ended,
        ENDS_WITHIN,
    )


def killed_one(rng: random.Random, pids: list[int]) -> None:
    """End one of these at once; who is gone already is no kill that counts less."""
    alive = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    if alive:
        os.kill(rng.choice(alive), signal.SIGKILL)


def judged(safe: Found, once: Found) -> Answer:
    """The rows of what must hold, from both jobs."""
    allowed = safe.kills * round(SLOTS + RATE / product.WORKERS * UNSETTLED)
    gap = max(safe.longest_gap, once.longest_gap)
    lost = safe.lost + once.lost
    short = f"{safe.kills + once.kills} kills of a worker; all processes: `make test-slow`"
    rows = [
        Row("kill -9: accepted items lost", "0", str(lost), lost == 0, short),
        Row("kill -9: `once` items doubled", "0", str(once.repeats), once.repeats == 0),
        Row(
            "kill -9: items left `unknown`",
            "≤ calls on the wire",
            f"{once.unknown} of {once.on_wire} on the wire",
            once.unknown <= once.on_wire and safe.unknown == 0,
        ),
        Row(
            "kill -9: `safe` items called again",
            "≤ slots × 250 ms of work",
            f"{safe.repeats} of {allowed} allowed",
            safe.repeats <= allowed,
        ),
        Row("kill -9: resumes", f"≤ {RESUMES_WITHIN:g} s", f"{gap:.1f} s", gap <= RESUMES_WITHIN),
    ]
    heads = ("job", "items", "kills", "succeeded", "unknown", "calls", "addresses", "on the wire")
    lines = [(found.name, *(f"{number:,}" for number in found.numbers)) for found in (safe, once)]
    return Answer(rows, [Table("", heads, lines)], {f.name: asdict(f) for f in (safe, once)})


if __name__ == "__main__":
    sys.exit(main(measure, "killed", __doc__))
