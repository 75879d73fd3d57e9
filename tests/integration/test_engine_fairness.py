"""Fair shares: by weight among tenants, and among the apps of one."""

from collections import Counter

import pytest

from bulkhead.model.slice import indexes
from tests.fakes.engine import report

WEIGHTS = {"one": 1, "three": 3, "six": 6}


def shares(world, rounds):
    """Items granted to each app while all of them have work and slots are scarce."""
    served = Counter()
    for _ in range(rounds):
        for part in world.claim(slots=4, items=10):
            world.begin(part)
            world.finish(part, latency=1000)
            served[part.app] += len(list(indexes(part.ranges)))
        world.advance(0.05)
        world.worker().beat({})
    return served


def check(served):
    total = sum(served.values())
    for app, count in served.items():
        weight = WEIGHTS[app.split("/")[0]] if "/shop" in app else WEIGHTS[app.split("/")[1]]
        assert count / total == pytest.approx(weight / 10, abs=0.02), served


def test_tenants_that_wait_for_slots_are_served_by_weight(valkey_world):
    for tenant, weight in WEIGHTS.items():
        valkey_world.app(f"{tenant}/shop", tenant_weight=weight)
        valkey_world.submit(5000, f"{tenant}/shop")

    check(shares(valkey_world, 400))


def test_apps_of_one_tenant_that_wait_for_slots_are_served_by_weight(valkey_world):
    for app, weight in WEIGHTS.items():
        valkey_world.app(f"acme/{app}", weight=weight)
        valkey_world.submit(5000, f"acme/{app}")

    check(shares(valkey_world, 400))


def test_a_tenant_with_many_apps_gets_no_more_than_one_with_a_single_app(valkey_world):
    valkey_world.app("small/shop")
    valkey_world.submit(3000, "small/shop")
    for number in range(20):
        valkey_world.app(f"large/app{number}")
        valkey_world.submit(1000, f"large/app{number}")

    served = shares(valkey_world, 300)

    assert served["small/shop"] / sum(served.values()) == pytest.approx(0.5, abs=0.02)


def test_a_tenant_that_was_idle_gets_its_share_from_now_on_and_no_more(valkey_world):
    valkey_world.app("busy/shop")
    valkey_world.app("late/shop")
    valkey_world.submit(8000, "busy/shop")
    shares(valkey_world, 200)
    valkey_world.submit(3000, "late/shop")

    served = shares(valkey_world, 200)

    assert served["late/shop"] / sum(served.values()) == pytest.approx(0.5, abs=0.02)


def test_a_small_job_behind_a_million_items_of_its_own_app_is_served_next(valkey_world):
    valkey_world.app()
    valkey_world.submit(50_000)
    shares(valkey_world, 20)

    job = valkey_world.submit(3)

    ran = [part.job for part in valkey_world.claim(slots=16, items=50)]
    assert job in ran[:2]


def test_a_tenant_whose_calls_come_back_is_not_charged_for_them(valkey_world):
    valkey_world.app()
    first, second = valkey_world.submit(1000), valkey_world.submit(1000)
    for _ in range(10):
        for part in valkey_world.claim(slots=1, items=10):
            valkey_world.begin(part)
            if part.job == first:
                valkey_world.settle(report(part, back=list(indexes(part.ranges))))
            else:
                valkey_world.finish(part)
        valkey_world.advance(1)
        valkey_world.worker().beat({})

    assert valkey_world.counts(second).succeeded < 60
