"""What runs out is calls at once: a tenant's share of a worker's lanes, and the kept one."""

from collections import Counter

import pytest

from tests.fakes.engine import report
from tests.fakes.traffic import Traffic

HANG = 30.0


def lanes(world, tenant, worker="w1"):
    return int(world.redis.hget(world.key("worker", worker, "held"), tenant) or 0)


def fill(world, tenant, apps, **settings):
    for number in range(apps):
        name = world.app(f"{tenant}/app{number:02}", **settings)
        world.submit(400, name)


def with_slots(world, slots=24, worker="w1"):
    world.worker(worker).beat({"slots": str(slots)})


def known(world, latency):
    for name in world.redis.smembers(world.key("apps")):
        world.redis.hset(world.key("app", name.decode()), "latency", latency)


def test_a_tenant_has_half_of_a_worker_while_another_one_waits(world):
    for tenant in ("one", "two"):
        fill(world, tenant, 3)
    known(world, 500_000)
    with_slots(world)

    world.claim(slots=24, items=500)

    one, two = lanes(world, "one"), lanes(world, "two")
    # Two of the twenty-four are kept.
    assert one + two == 22
    assert max(one, two) <= 12


def test_a_tenant_of_more_weight_has_its_part_where_that_is_more_than_half(world):
    for tenant, weight in (("one", 1), ("three", 3), ("six", 6)):
        fill(world, tenant, 4, tenant_weight=weight)
    known(world, 500_000)
    with_slots(world, 40)

    world.claim(slots=40, items=900)

    assert 20 < lanes(world, "six") <= 24


def test_a_tenant_alone_has_all_but_the_kept_lanes(world):
    fill(world, "one", 4)
    known(world, 50_000)
    with_slots(world)

    world.claim(slots=24, items=900)
    assert lanes(world, "one") == 22

    world.app("two/shop")
    world.submit(1, "two/shop")
    assert [part.app for part in world.claim(slots=2)] == ["two/shop"]


@pytest.mark.parametrize("latency", [1_000_000, 20_000_000])
def test_slow_apps_of_one_tenant_never_have_more_than_half_of_a_worker(world, latency):
    fill(world, "one", 40)
    known(world, latency)
    with_slots(world)

    world.claim(slots=24, items=900)

    assert lanes(world, "one") == 12


def test_apps_that_have_answered_nobody_yet_count_as_slow(world):
    fill(world, "one", 40)
    with_slots(world)

    world.claim(slots=24, items=900)

    assert lanes(world, "one") == 12


def test_a_kept_lane_is_for_apps_that_answer_quickly(world):
    fill(world, "one", 4)
    world.app("two/shop")
    world.submit(1, "two/shop")
    known(world, 50_000)
    world.redis.hset(world.key("app", "two/shop"), "latency", 400_000)
    with_slots(world)
    world.fleet.control("tenant", "two", "pause")
    world.claim(slots=24, items=900)
    world.fleet.control("tenant", "two", "resume")

    assert world.claim(slots=2) == []

    world.redis.hset(world.key("app", "two/shop"), "latency", 100_000)
    assert len(world.claim(slots=2)) == 1


def test_what_one_worker_may_not_serve_another_one_does(world):
    fill(world, "one", 40)
    known(world, 2_000_000)
    for worker in ("w1", "w2"):
        with_slots(world, worker=worker)

    world.claim("w1", slots=24, items=900)
    assert world.redis.llen(world.worker().bell) == 1
    world.claim("w2", slots=24, items=900)

    assert lanes(world, "one", "w2") == 12


def test_a_worker_that_may_serve_nobody_rings_no_bell(world):
    fill(world, "one", 40)
    known(world, 2_000_000)
    with_slots(world)
    world.claim(slots=24, items=900)
    world.redis.delete(world.worker().bell)

    assert world.claim(slots=12) == []

    assert world.redis.llen(world.worker().bell) == 0


def test_lanes_go_back_while_the_last_calls_of_a_slice_are_out(world):
    job = world.submit(400, world.app("one/shop", max_in_flight=8))
    known(world, 10_000)
    with_slots(world)
    (part,) = world.claim(slots=24, items=8)
    world.begin(part)
    assert world.claim() == []

    world.settle(report(part, {2: [0, 1, 2, 3, 4]}, last=False, lanes=3))

    assert lanes(world, "one") == 3
    assert sum(one.parallel for one in world.claim()) == 5
    world.audit(job)


def test_a_call_that_hangs_makes_its_app_slow_before_it_ends(world):
    world.submit(400, world.app("one/shop"))
    known(world, 10_000)
    part = world.begun(items=5)

    world.settle(report(part, last=False, calls=0, latency=0, waiting=1_200_000))

    assert world.app_now("one/shop")["latency"] == "1200000"


def hanging(app, now):
    return ("troubled", HANG) if app.startswith("bad/") else ("ok", 0.02)


@pytest.mark.parametrize("warm", [False, True])
def test_forty_hanging_apps_of_one_tenant_delay_nobody_else(valkey_world, warm):
    world = valkey_world
    world.app("good/shop", rate=40, burst=1, max_in_flight=8)
    world.submit(4000, "good/shop")
    for number in range(40):
        world.app(f"bad/app{number:02}", rate=20, burst=10, max_in_flight=8)

    def answer(app, now):
        return ("ok", 0.02) if warm and now < 3 else hanging(app, now)

    traffic = Traffic(world, answer, workers=("w1", "w2"), delay=0.004)
    traffic.run(1)
    for number in range(40):
        world.submit(300, f"bad/app{number:02}")
    starts = {}
    for second in (8, 12, 16, 24):
        name = world.app(f"good/small{second}", rate=20)
        traffic.later(second, lambda name=name: starts.update({world.submit(3, name): name}))
    traffic.run(30)

    assert len(traffic.said("ok", app="good/shop", since=1)) >= 0.99 * 40 * 29
    assert len(starts) == 4
    for name in starts.values():
        second = int(name.removeprefix("good/small"))
        assert min(traffic.said(app=name)) - second <= 0.25


def test_slow_calls_cost_a_tenant_the_time_that_they_take(valkey_world):
    world = valkey_world
    for tenant in ("fast", "slow"):
        fill(world, tenant, 8, max_in_flight=24)

    def answer(app, now):
        return "ok", 0.4 if app.startswith("slow/") else 0.1

    busy = Counter()
    traffic = Traffic(world, answer).run(12)
    for at, app, _, _ in traffic.calls:
        if at > 4:
            busy[app.split("/")[0]] += 0.4 if app.startswith("slow/") else 0.1

    assert busy["slow"] / sum(busy.values()) == pytest.approx(0.5, abs=0.08)


def test_the_lanes_kept_for_newcomers_give_nobody_more_than_its_weight(valkey_world):
    for tenant, weight in (("one", 1), ("nineteen", 19)):
        free = {"rate": 1_000_000, "burst": 100_000, "max_in_flight": 256}
        valkey_world.app(f"{tenant}/shop", tenant_weight=weight, **free)
        valkey_world.submit(500 * weight, f"{tenant}/shop")

    traffic = Traffic(valkey_world, lambda app, now: ("ok", 0.1), slots=48).run(12)

    one, all_of_them = len(traffic.said(app="one/shop", since=2)), len(traffic.said(since=2))
    assert one / all_of_them == pytest.approx(1 / 20, rel=0.2)


def test_who_is_ahead_has_the_kept_lanes_where_those_behind_can_use_none(valkey_world):
    world = valkey_world
    with_slots(world)
    fill(world, "calm", 1)
    for _ in range(30):
        for part in world.claim(slots=4, items=10):
            world.begin(part)
            world.finish(part, latency=50_000)
        world.advance(0.1)
        with_slots(world)
    # Its calls hang: it holds all lanes but two, and was served last at a tag far behind.
    world.redis.hset(world.key("vt"), "main", 0)
    fill(world, "hangs", 8)
    known(world, 50_000)
    taken = sum(part.parallel for part in world.claim(slots=24, items=100) if "hangs" in part.app)
    assert taken == 22

    first = world.worker("w1").claim(2, 10)
    world.advance(0.03)
    second = world.worker("w1").claim(2, 10)

    assert first.slices == ()
    assert first.next_due <= 0.025
    assert [part.app for part in second.slices] == ["calm/app00"]
