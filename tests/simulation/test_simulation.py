"""Whole fleets in virtual time: whatever goes wrong, every invariant holds after every step."""

import os
import time

import pytest

from tests.simulation.runs import Failed, Plan, go, smaller
from tests.simulation.scenario import PROFILES

SEEDS = (1, 2)
BUDGET = float(os.environ.get("SIMULATION_SECONDS", "3600"))
"""Seconds that the long test may take; `make test-slow` gives it an hour."""
FRESH = int(os.environ.get("SIMULATION_SEED", "1000"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks_in_a_fixed_set_of_runs(quick_store, profile, seed):
    outcome = go(quick_store, Plan(seed, 5_000, 0.3, profile))

    assert outcome.calls > 0
    assert outcome.unknown == 0 or profile not in ("calm", "fair", "returns", "crowd")


def test_the_same_seed_is_the_same_run_to_the_last_call(quick_store):
    plan = Plan(3, 3_000, 0.3, "mixed")

    assert go(quick_store, plan) == go(quick_store, plan)


@pytest.mark.slow
@pytest.mark.timeout(BUDGET + 1800)
def test_no_invariant_breaks_for_an_hour(quick_store, capsys):
    until, seed = time.monotonic() + BUDGET, FRESH
    runs = calls = unknown = deaths = wire = 0
    while time.monotonic() < until:
        plan = Plan(seed, 60_000, (0.3, 1.0, 3.0)[seed // len(PROFILES) % 3])
        try:
            outcome = go(quick_store, plan)
        except Failed as failed:
            raise smaller(quick_store, failed, plan) from failed
        runs, calls, deaths = runs + 1, calls + outcome.calls, deaths + outcome.deaths
        unknown, wire = unknown + outcome.unknown, wire + outcome.wire_at_deaths
        seed += 1
    with capsys.disabled():
        print(f"\n{runs} runs from seed {FRESH}, {calls} calls, {deaths} deaths: "
              f"{unknown} unknown beside {wire} calls on the wire at deaths")  # fmt: skip
