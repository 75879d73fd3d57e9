"""Weights, a flood, and forty hanging apps: `python -m benchmarks.fairness`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.answer import Answer, Row, Table, joined
from benchmarks.question import guarded, main, say
from benchmarks.small_jobs import row, waits
from benchmarks.stand import FREE, Stand, stand
from benchmarks.windows import between, used
from bulkhead.handle import JobHandle

WEIGHTS = {"one": 1.0, "three": 3.0, "six": 6.0}
SHARE_BAR = 0.02
SHARE_SECONDS, SHARE_CALLS, SHARE_AT_MOST = 10.0, 40_000, 50.0
"""A share is counted for so long, and on until there were so many calls: a slice has up to a
hundred, and of a few thousand that is more than the bar for the smallest of the three."""

BACKLOG = 12_000
"""Items a unit of weight: enough for 10,000 calls a second in all."""
WARM_UP = 3.0
"""Seconds that pass before anything counts."""

TRY_FOR = 22.0
QUIET_BAR, HANGING_BAR = 0.1, 0.25
FLOOD = 200_000
HANGING, HANG_FOR = 40, 30.0
OTHER_RATE, USED_BAR = 100.0, 0.99
SHARE_SAYS = f"each within {SHARE_BAR:.0%} of its share"
FLOODED = "quiet tenant beside a flood of ten apps"
HANGS = "small jobs of another tenant beside forty hanging apps"
HANGS_PERMITS = "that tenant's permits meanwhile"


def measure() -> Answer:
    """Three situations, one after the other, on one product."""
    with stand() as here:
        parts = [
            guarded("weights 1:3:6", SHARE_SAYS, lambda: weights(here)),
            guarded(FLOODED, f"p99 ≤ {QUIET_BAR * 1000:.0f} ms", lambda: flood(here)),
            guarded(HANGS, f"p99 ≤ {HANGING_BAR * 1000:.0f} ms", lambda: hang(here)),
        ]
        # Calls that still hang would hold up the end.
        here.backend.delay({})
    return joined(parts)


def weights(here: Stand) -> Answer:
    """The share of all calls that each of three tenants with a backlog was given."""
    jobs = []
    for tenant, weight in WEIGHTS.items():
        here.tenant(tenant, weight)
        here.app(f"{tenant}/shop", **FREE)
        # Held until all have a backlog: the first would else be done before the last began.
        here.context.fleet.control("tenant", tenant, "pause")
        jobs.append(here.submit(f"{tenant}/shop", tenant, int(BACKLOG * weight)))
    for tenant in WEIGHTS:
        here.context.fleet.control("tenant", tenant, "resume")
    time.sleep(WARM_UP)
    start, before = time.monotonic(), made(jobs)
    time.sleep(SHARE_SECONDS)
    while time.monotonic() < start + SHARE_AT_MOST and made(jobs) - before < SHARE_CALLS:
        time.sleep(0.5)
    end = time.monotonic()
    logs = {tenant: here.backend.log(tenant) for tenant in WEIGHTS}
    for job in jobs:
        job.cancel()
    calls = {name: between(log, start, end) for name, log in logs.items()}
    done = {name: len(logs[name]) / (BACKLOG * weight) for name, weight in WEIGHTS.items()}
    if max(done.values()) >= 1:
        raise RuntimeError(f"a backlog was too short: {done}")
    say(f"weights: {calls} in {end - start:.1f} s")
    return judged({name: count / sum(calls.values()) for name, count in calls.items()})


def made(jobs: Sequence[JobHandle]) -> int:
    """Calls of these jobs that are settled."""
    return sum(job.refresh().counts.succeeded for job in jobs)


def judged(shares: Mapping[str, float]) -> Answer:
    """What each tenant was given, held against its weight."""
    total = sum(WEIGHTS.values())
    off = max(abs(share * total / WEIGHTS[name] - 1) for name, share in shares.items())
    told = " / ".join(f"{share:.3f}" for share in shares.values())
    share = Row("weights 1:3:6", SHARE_SAYS, told, off <= SHARE_BAR, f"off by {off:.1%}")
    lines = [(name, f"{WEIGHTS[name] / total:.3f}", f"{s:.3f}") for name, s in shares.items()]
    table = Table("weights 1:3:6, all with a backlog", ("tenant", "due", "given"), lines)
    return Answer([share], [table], {"shares": dict(shares)})


def flood(here: Stand) -> Answer:
    """Seconds to the first call of a quiet tenant's one-row jobs, beside ten apps that flood."""
    here.tenant("flood")
    jobs = []
    for number in range(10):
        here.app(f"flood/app{number}", **FREE)
        jobs.append(here.submit(f"flood/app{number}", f"flood{number}", FLOOD // 10))
    here.tenant("quiet")
    here.app("quiet/shop", rate=200.0, burst=40)
    time.sleep(WARM_UP)
    found = waits(here, "quiet/shop", 1, "flood", TRY_FOR)
    left = sum(job.refresh().counts.pending for job in jobs)
    for job in jobs:
        if not job.refresh().ended:
            job.cancel()
    if not left:
        raise RuntimeError("the flood was over before the last try")
    return Answer([row(FLOODED, found, QUIET_BAR)], (), {"waits": {"flood": found}})


def hang(here: Stand) -> Answer:
    """Another tenant's part of its permits, and its small jobs' waits, beside forty that hang."""
    here.tenant("hanging")
    here.tenant("other")
    names = [f"app{number:02d}" for number in range(HANGING)]
    here.backend.delay(dict.fromkeys(names, HANG_FOR))
    for name in names:
        here.app(f"hanging/{name}", rate=50.0, burst=20, max_in_flight=8)
    here.app("other/steady", rate=OTHER_RATE, burst=20, max_in_flight=64)
    here.app("other/small", rate=200.0, burst=40)
    here.submit("other/steady", "steady", int(OTHER_RATE * 90))
    for name in names:
        here.submit(f"hanging/{name}", name, 200)
    start = time.monotonic() + WARM_UP
    time.sleep(WARM_UP)
    found = waits(here, "other/small", 1, "hanging", TRY_FOR)
    part = used([here.backend.log("steady")], OTHER_RATE, start, time.monotonic() - 0.1)
    permits = Row(HANGS_PERMITS, f"≥ {USED_BAR:.0%}", f"{part:.2%}", part >= USED_BAR)
    figures = {"waits": {"hanging": found}, "permits_used": part}
    return Answer([row(HANGS, found, HANGING_BAR), permits], (), figures)


if __name__ == "__main__":
    sys.exit(main(measure, "fairness", __doc__))
