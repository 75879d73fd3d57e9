"""Fair shares: by weight among tenants, and among the apps of one."""

from collections import Counter

import pytest

from bulkhead.model.ranges import indexes
from tests.fakes.engine import report
from tests.fakes.traffic import Traffic

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


def test_shares_by_weight_hold_while_one_tenant_comes_and_goes(valkey_world):
    for tenant, weight in WEIGHTS.items():
        valkey_world.app(f"{tenant}/shop", tenant_weight=weight)
        if tenant != "three":
            valkey_world.submit(9000, f"{tenant}/shop")
    with_three, without = Counter(), Counter()
    for _ in range(8):
        job = valkey_world.submit(2000, "three/shop")
        with_three.update(shares(valkey_world, 40))
        valkey_world.jobs.control(job, "cancel")
        without.update(shares(valkey_world, 20))

    check(with_three)
    assert without["six/shop"] / sum(without.values()) == pytest.approx(6 / 7, abs=0.02)
    assert without["three/shop"] == 0


def test_a_new_job_of_an_app_at_200_a_second_has_its_permit_within_a_tenth_of_a_second(
    valkey_world,
):
    valkey_world.app(rate=200, burst=1, max_in_flight=64)
    valkey_world.submit(5000)
    small = {}
    traffic = Traffic(valkey_world, lambda app, now: ("ok", 0.05), delay=0.005)
    for number in range(20):
        second = 2 + number * 0.31
        start = lambda second=second: small.update({valkey_world.submit(3): second})  # noqa: E731
        traffic.later(second, start)

    traffic.run(9)

    waits = [min(traffic.said(job=job)) - second for job, second in small.items()]
    assert len(waits) == 20
    assert max(waits) <= 0.1
    assert len(traffic.said()) >= 0.99 * 200 * 9


def test_calls_that_take_longer_than_was_charged_are_charged_when_they_end(world):
    for tenant in ("fast", "slow"):
        world.submit(100, world.app(f"{tenant}/shop"))
    for _ in range(40):
        for part in world.claim(slots=2, items=4):
            world.begin(part)
            items = list(indexes(part.ranges))
            latency = 4_000_000 if part.app == "slow/shop" else 10_000
            told = report(part, {2: items}, latency=latency, calls=len(items))
            world.settle(told)
            world.advance(0.1)
            world.worker().beat({})

    assert world.counts(world.jobs.newest("fast")[0].id).succeeded > 3 * (
        world.counts(world.jobs.newest("slow")[0].id).succeeded
    )
