"""Weights, a flood, and forty hanging apps: `python -m benchmarks.fairness`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main, say
from benchmarks.stand import FREE, Stand, stand, until
from benchmarks.windows import between, percentile, used

WEIGHTS = {"one": 1.0, "three": 3.0, "six": 6.0}
SHARE_BAR, SHARE_SECONDS = 0.02, 10.0
BACKLOG = 12_000
"""Items a unit of weight: enough for 10,000 calls a second in all."""
WARM_UP = 3.0
"""Seconds that pass before anything counts."""

TRIES, FEWEST, TRY_FOR = 120, 100, 25.0
QUIET_BAR, HANGING_BAR = 0.1, 0.25
FLOOD = 60_000
HANGING, HANG_FOR = 40, 30.0
OTHER_RATE, USED_BAR = 100.0, 0.99
LONGEST = 20.0


def measure() -> Answer:
    """Three situations, one after the other, on one product."""
    with stand() as here:
        shares = weights(here)
        waits = flood(here)
        part, hanging = hang(here)
        here.backend.delay({})
    return judged(shares, waits, part, hanging)


def weights(here: Stand) -> dict[str, float]:
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
    start = time.monotonic() + WARM_UP
    time.sleep(WARM_UP + SHARE_SECONDS)
    logs = {tenant: here.backend.log(tenant) for tenant in WEIGHTS}
    for job in jobs:
        job.cancel()
    calls = {name: between(log, start, start + SHARE_SECONDS) for name, log in logs.items()}
    done = {name: len(logs[name]) / (BACKLOG * weight) for name, weight in WEIGHTS.items()}
    if max(done.values()) >= 1:
        raise RuntimeError(f"a backlog was too short: {done}")
    say(f"weights: {calls}")
    return {name: count / sum(calls.values()) for name, count in calls.items()}


def flood(here: Stand) -> list[float]:
    """Seconds to the first call of a quiet tenant's one-row jobs, beside ten apps that flood."""
    here.tenant("flood")
    jobs = []
    for number in range(10):
        here.app(f"flood/app{number}", **FREE)
        jobs.append(here.submit(f"flood/app{number}", f"flood{number}", FLOOD // 10))
    here.tenant("quiet")
    here.app("quiet/shop", rate=200.0, burst=40)
    time.sleep(WARM_UP)
    waits = tried(here, "quiet/shop", "quiet")
    left = sum(job.refresh().counts.pending for job in jobs)
    for job in jobs:
        if not job.refresh().ended:
            job.cancel()
    if not left:
        raise RuntimeError("the flood was over before the last try")
    return waits


def hang(here: Stand) -> tuple[float, list[float]]:
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
    waits = tried(here, "other/small", "hanging")
    return used([here.backend.log("steady")], OTHER_RATE, start, time.monotonic() - 0.1), waits


def tried(here: Stand, app: str, name: str) -> list[float]:
    """Seconds from handing one row over to its call, at instants that no tick can follow."""
    rng, waits, ends = random.Random(7), [], time.monotonic() + TRY_FOR
    while len(waits) < TRIES and time.monotonic() < ends:
        group = f"{name}-try{len(waits)}"
        began = time.monotonic()
        here.submit(app, group, 1)
        first = until(lambda group=group: here.backend.log(group), LONGEST, 0.02)[0]
        waits.append(first - began)
        time.sleep(rng.uniform(0.02, 0.12))
    say(f"{name}: {len(waits)} tries, p50 {percentile(waits, 0.5) * 1000:.0f} ms")
    return waits


def judged(
    shares: Mapping[str, float], quiet: Sequence[float], part: float, hanging: Sequence[float]
) -> Answer:
    """The rows of all three situations."""
    total = sum(WEIGHTS.values())
    off = max(abs(share * total / WEIGHTS[name] - 1) for name, share in shares.items())
    told = " / ".join(f"{share:.3f}" for share in shares.values())
    rows = [
        Row("weights 1:3:6", f"within {SHARE_BAR:.0%}", told, off <= SHARE_BAR, f"off {off:.1%}"),
        _waited("quiet tenant beside a flood of ten apps", quiet, QUIET_BAR),
        _waited("another tenant beside forty hanging apps", hanging, HANGING_BAR),
        Row(
            "its permits beside forty hanging apps",
            f"≥ {USED_BAR:.0%}",
            f"{part:.2%}",
            part >= USED_BAR,
        ),
    ]
    lines = [(name, f"{WEIGHTS[name] / total:.3f}", f"{s:.3f}") for name, s in shares.items()]
    table = Table("weights 1:3:6, all with a backlog", ("tenant", "due", "given"), lines)
    figures = {
        "shares": dict(shares),
        "permits_used": part,
        "waits": {"flood": list(quiet), "hanging": list(hanging)},
    }
    return Answer(rows, [table], figures)


def _waited(quality: str, waits: Sequence[float], bar: float) -> Row:
    half, most = (percentile(waits, part) * 1000 for part in (0.5, 0.99))
    met = most <= bar * 1000 if len(waits) >= FEWEST else None
    measured = f"p99 {most:.0f} ms, p50 {half:.0f} ms"
    return Row(quality, f"p99 ≤ {bar * 1000:.0f} ms", measured, met, f"{len(waits)} tries")


if __name__ == "__main__":
    sys.exit(main(measure, "fairness", __doc__))
