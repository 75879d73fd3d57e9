"""Forty apps of one tenant whose backend stops answering, beside a tenant whose backend is well."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scenarios import probe
from benchmarks.scenarios.calls import Calls
from benchmarks.scenarios.figure import (
    Figure,
    at_most,
    holds,
    note,
    percentile,
    permits_used,
    spread,
    worked_throughout,
)
from benchmarks.scenarios.site import App, Site, conserved, until

BUSY = tuple(f"calm/busy{n}" for n in range(4))
QUIET = "calm/quiet"
RATE = 20.0
HANGS = 30
"""Seconds that a call to the forty gets no answer."""
STARTED = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations in seconds: while all is well, and from when the forty hang."""

    apps: int
    before: float
    hanging: float
    small_jobs: int


FULL = Plan(apps=40, before=10, hanging=60, small_jobs=100)
SHORT = Plan(apps=10, before=3, hanging=10, small_jobs=10)


def play(site: Site, plan: Plan) -> list[Figure]:
    """The forty worked well until their backend hangs: nobody is warned."""
    stuck = [f"stuck/app{n:02d}" for n in range(plan.apps)]
    slow = {"rate": 2, "settings": {"max_in_flight": 8, "read_timeout": "30s"}}
    site.add([App(name, **slow) for name in stuck] + [App(name, RATE) for name in (*BUSY, QUIET)])  # type: ignore[arg-type]
    well = {"fault": "latency", "ms": 20}
    site.faults(well)
    lasting = plan.before + plan.hanging + 15
    jobs = [site.order(name, name.replace("/", "-"), round(RATE * lasting)) for name in BUSY]
    jobs += [site.order(name, name.replace("/", "-"), round(2 * lasting)) for name in stuck]
    until(lambda: len({one.label for one in site.calls()}) == plan.apps + len(BUSY), 60, "all apps")
    time.sleep(plan.before)

    hung = site.faults(well, *({"fault": "hang", "s": HANGS, "app": name} for name in stuck))
    probes = probe.send(site, [QUIET, BUSY[0]], plan.small_jobs, plan.hanging)
    over = time.time()
    left = site.left(jobs[: len(BUSY)])
    everybody = {name: site.calls(name) for name in BUSY}
    waiting = [site.calls(name).between(hung, over) for name in stuck]
    seen = _starts(site, probes)
    documents = [site.job(job) for job in jobs]
    site.stop(jobs)
    good = sum(conserved(job) and job["counts"]["failed"] == 0 for job in documents)
    return [
        *_permits(everybody, hung, over, plan),
        worked_throughout(left),
        *seen,
        note("calls that hung", sum(len(calls) for calls in waiting)),
        holds("counts add up and no row failed", f"{len(jobs)} jobs", good, good == len(jobs)),
    ]


def _permits(everybody: Mapping[str, Calls], hung: float, over: float, plan: Plan) -> list[Figure]:
    before = [calls.used(hung - plan.before, hung, RATE) for calls in everybody.values()]
    during = [calls.used(hung, over, RATE) for calls in everybody.values()]
    seconds = [calls.by_second(hung, over) for calls in everybody.values()]
    worst = min(range(len(seconds[0])), key=lambda n: sum(one[n] for one in seconds))
    return [
        *permits_used("the other tenant", before, during),
        note(
            "its worst second",
            f"{sum(one[worst] for one in seconds)} calls, {worst} s after the forty hung",
        ),
    ]


def _starts(site: Site, probes: Sequence[probe.Probe]) -> list[Figure]:
    waited = probe.waits(site, probes)
    quiet = [wait for one, wait in zip(probes, waited, strict=True) if one.app == QUIET]
    busy = [wait for one, wait in zip(probes, waited, strict=True) if one.app != QUIET]
    started = sum(wait < float("inf") for wait in waited)
    return [
        at_most(
            "small jobs: answer of submit to first call, p99",
            percentile(waited, 0.99),
            STARTED,
            " s",
            detail=spread(waited),
        ),
        note("of these in an app that has nothing else", spread(quiet)),
        note("of these in an app with a large job", spread(busy)),
        note("submitting itself", spread([one.submit_s for one in probes])),
        holds("small jobs that started", str(len(probes)), started, started == len(probes)),
    ]
