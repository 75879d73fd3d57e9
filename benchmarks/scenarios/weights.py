"""Shares by weight where the workers are what runs out, and a quiet tenant beside a flood."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.scenarios import probe
from benchmarks.scenarios.figure import (
    Figure,
    at_most,
    holds,
    note,
    percentile,
    spread,
    worked_throughout,
)
from benchmarks.scenarios.site import App, Site, until

WEIGHTS = {"light": 1, "middle": 3, "heavy": 6}
WITHIN = 2.0
"""Per cent of a share that it may be off."""
STARTED = 0.1
NO_LIMIT = 100_000.0
LIMITS = {"burst": 100_000, "max_in_flight": 64}
"""50 ms of the rate are kept back from the burst: the rest is a second that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds that are looked at; answers take so long that workers, not cores, run out."""

    settle: float
    seconds: float
    latency_ms: int
    rows: int
    small_jobs: int
    flood_apps: int = 10


FULL = Plan(settle=5, seconds=60, latency_ms=100, rows=60_000, small_jobs=100)
SHORT = Plan(settle=2, seconds=6, latency_ms=100, rows=6_000, small_jobs=10)


def of_tenants(site: Site, plan: Plan) -> list[Figure]:
    """Three tenants with one app each and more work than can be done."""
    apps = {f"{name}/shop": weight for name, weight in WEIGHTS.items()}
    weights = {name.split("/")[0]: weight for name, weight in apps.items()}
    site.add([App(name, NO_LIMIT, LIMITS) for name in apps], weights)
    return _shares(site, plan, apps, "tenants")


def of_apps(site: Site, plan: Plan) -> list[Figure]:
    """Three apps of one tenant, with more work than can be done."""
    apps = {f"acme/{name}": weight for name, weight in WEIGHTS.items()}
    site.add([App(name, NO_LIMIT, LIMITS | {"weight": weight}) for name, weight in apps.items()])
    return _shares(site, plan, apps, "apps of one tenant")


def flood(site: Site, plan: Plan) -> list[Figure]:
    """A tenant whose apps ask for ten times what can be called, and one with now and then a row."""
    apps = [f"flood/app{n}" for n in range(plan.flood_apps)]
    limits = {"burst": 200, "max_in_flight": 64}
    quiet = "quiet/shop"
    site.add([*(App(name, 1_000, limits) for name in apps), App(quiet, 20)])
    site.faults({"fault": "latency", "ms": 20})
    jobs = [site.order(name, name.replace("/", "-"), plan.rows) for name in apps]
    until(lambda: len({one.label for one in site.calls()}) == len(apps), 60, "all of the flood")
    time.sleep(plan.settle)

    began = time.time()
    probes = probe.send(site, [quiet], plan.small_jobs, plan.seconds)
    ended = time.time()
    waited = probe.waits(site, probes)
    rate = len(site.calls().between(began, ended)) / (ended - began)
    left = site.left(jobs)
    started = sum(wait < float("inf") for wait in waited)
    return [
        at_most(
            "quiet tenant: answer of submit to first call, p99",
            percentile(waited, 0.99),
            STARTED,
            " s",
            detail=spread(waited),
        ),
        holds("its jobs that started", str(len(probes)), started, started == len(probes)),
        note("submitting itself", spread([one.submit_s for one in probes])),
        note("the flood asks for and gets", f"{1_000 * len(apps)}/s and {rate:.0f}/s"),
        worked_throughout(left),
    ]


def _shares(site: Site, plan: Plan, apps: Mapping[str, int], whose: str) -> list[Figure]:
    site.faults({"fault": "latency", "ms": plan.latency_ms})
    jobs = [site.order(name, name.replace("/", "-"), plan.rows) for name in apps]
    until(lambda: all(len(site.calls(name)) for name in apps), 60, "calls of all")
    time.sleep(plan.settle)

    began = time.time()
    time.sleep(plan.seconds)
    ended = time.time()
    made = {name: len(site.calls(name).between(began, ended)) for name in apps}
    left = site.left(jobs)
    total, sum_of_weights = sum(made.values()), sum(apps.values())
    shares = {name: made[name] / total for name in apps}
    off = max(
        abs(shares[name] * sum_of_weights / weight - 1) * 100 for name, weight in apps.items()
    )
    shown = " : ".join(f"{share:.3f}" for share in shares.values())
    return [
        at_most(
            f"{whose} with weights 1:3:6, furthest from its share", off, WITHIN, " %", detail=shown
        ),
        holds(
            f"{whose}: the heavier made more",
            "in order",
            shown,
            list(made.values()) == sorted(made.values()),
        ),
        note("calls a second", f"{total / (ended - began):.0f}"),
        worked_throughout(left),
    ]
