"""Shares by weight, on machines that stall: who is ahead waits for those who are behind."""

import random
from collections import Counter

import pytest

from tests.fakes.engine import START
from tests.simulation.backend import Service
from tests.simulation.kernel import MICRO
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Simulation

WEIGHTS = {"one": 1.0, "three": 3.0, "six": 6.0}
WARM_UP, SECONDS = 1, 3
FREE = {"rate": 1_000_000, "burst": 100_000, "cap": 256}
ITEMS = {1_000: 30_000, 5_000: 8_000, 50_000: 3_000}
"""A unit of weight, by the microseconds of a call: more than can be made, or a backlog ends."""


def scenario(latency, stalls):
    made = Scenario(1, "fair", workers=4, calls=64, seconds=WARM_UP + SECONDS, tenants=WEIGHTS)
    for tenant, weight in WEIGHTS.items():
        made.apps[f"{tenant}/shop"] = Service(**FREE, latency=latency, spread=0)
        request = {"kind": "apps.check"}
        made.jobs.append((0.05, f"{tenant}/shop", round(ITEMS[latency] * weight), request))
    chance = random.Random(7)
    for _ in range(stalls * made.seconds):
        when = chance.uniform(0.1, made.seconds)
        made.acts.append((when, "freeze", "", chance.uniform(0.02, 0.08)))
    return made


def shares(store, latency, stalls):
    """The part of all calls that each tenant had, from the end of the warm-up on."""
    simulation = Simulation(store, scenario(latency, stalls))
    simulation.engine.slots = 64
    try:
        counts = []
        for second in (WARM_UP, WARM_UP + SECONDS):
            while simulation.now < START + second * MICRO:
                simulation.kernel.step()
            counts.append(Counter(simulation.backend.by_tenant))
        given = counts[1] - counts[0]
        assert (
            max(counts[1][name] / (ITEMS[latency] * weight) for name, weight in WEIGHTS.items()) < 1
        )
        return {name: given[name] / given.total() for name in WEIGHTS}
    finally:
        simulation.close()


def test_tenants_with_a_backlog_have_their_weights(quick_store):
    found = shares(quick_store, 50_000, stalls=0)

    for name, weight in WEIGHTS.items():
        assert found[name] == pytest.approx(weight / 10, rel=0.02), found


@pytest.mark.parametrize("latency", [1_000, 5_000])
def test_tenants_with_a_backlog_have_their_weights_where_workers_stall(quick_store, latency):
    found = shares(quick_store, latency, stalls=40)

    for name, weight in WEIGHTS.items():
        assert found[name] == pytest.approx(weight / 10, rel=0.05), found
