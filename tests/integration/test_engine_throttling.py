"""One learned pace an app: lowered by complaints, raised by answers, canaries in a storm."""

import random
from itertools import pairwise

import pytest

from bulkhead.model.ranges import indexes
from tests.fakes.engine import report
from tests.fakes.traffic import Traffic


class Bucket:
    """A backend that bears so many calls a second and throttles what is above."""

    def __init__(self, rate, burst=10, latency=0.05):
        self.rate, self.burst, self.latency = rate, burst, latency
        self.level, self.seen = float(burst), 0.0

    def __call__(self, app, now):
        self.level = min(self.burst, self.level + (now - self.seen) * self.rate)
        self.seen = now
        if self.level < 1:
            return "throttled", self.latency
        self.level -= 1
        return "ok", self.latency


class Windows:
    """A backend that counts the calls of each second and throttles those beyond."""

    def __init__(self, rate, latency=0.05):
        self.rate, self.latency, self.counts = rate, latency, {}

    def __call__(self, app, now):
        self.counts[int(now)] = self.counts.get(int(now), 0) + 1
        return ("ok" if self.counts[int(now)] <= self.rate else "throttled"), self.latency


def storm(begin, end, word="throttled", latency=0.02):
    return lambda app, now: (word if begin <= now < end else "ok", latency)


@pytest.mark.parametrize("backend", [Bucket(50), Windows(50)])
def test_an_app_set_too_fast_finds_the_pace_that_its_backend_bears(valkey_world, backend):
    valkey_world.app(rate=200, burst=40, max_in_flight=64)
    valkey_world.submit(10_000)

    traffic = Traffic(valkey_world, backend).run(40)

    answered, throttled = len(traffic.said("ok")), len(traffic.said("throttled"))
    assert answered >= 0.7 * backend.rate * 40
    assert throttled <= 0.1 * (answered + throttled)
    assert backend.rate * 0.7 < valkey_world.fleet.app("acme/shop").live["learned_rate"] < 200


@pytest.mark.parametrize("word", ["throttled", "troubled"])
def test_in_a_storm_only_canaries_call_and_the_pace_is_back_within_half_a_minute(
    valkey_world, word
):
    valkey_world.app("acme/shop", rate=50, burst=10, max_in_flight=64)
    valkey_world.app("acme/calm", rate=50, burst=10, max_in_flight=64)
    job = valkey_world.submit(6000, "acme/shop")
    valkey_world.submit(6000, "acme/calm")
    trouble = storm(10, 40, word)

    def answer(app, now):
        return trouble(app, now) if app == "acme/shop" else ("ok", 0.02)

    traffic = Traffic(valkey_world, answer).run(75)

    def calls(**when):
        return traffic.said(app="acme/shop", **when)

    assert len(calls(since=10, until=12)) <= 60
    assert 3 <= len(calls(since=12, until=40)) <= 12
    assert len(calls(since=70, until=75)) >= 0.98 * 50 * 5
    assert len(traffic.said(app="acme/calm", until=75)) >= 0.99 * 50 * 75
    assert valkey_world.counts(job).failed == 0
    assert valkey_world.fleet.app("acme/shop").live["learned_rate"] is None
    valkey_world.audit(job)


def test_what_was_throttled_used_no_attempt(world):
    world.app()
    world.submit(1)

    world.settle(report(world.begun(), again=[0], throttled=1))

    world.advance(2)
    (part,) = world.claim()
    assert world.begin(part).tries == {}


def throttled(world, seconds=0.0, **facts):
    """One call that was throttled, so many seconds from now."""
    world.advance(seconds)
    world.worker().beat({})
    part = world.begun(items=1)
    world.settle(report(part, again=[part.ranges[0][0]], throttled=1, **facts))


def in_storm(world):
    world.app(rate=100)
    world.submit(50)
    for _ in range(3):
        throttled(world, 0.5)


def rests(world):
    until = int(world.app_now().get("cool_until", 0))
    return max(0, until - world.now) / 1e6


def test_complaints_that_come_together_lower_the_pace_once(world):
    world.app(rate=100)
    world.submit(50)
    parts = [world.begun(items=1) for _ in range(2)]

    for part in parts:
        world.settle(report(part, again=[part.ranges[0][0]], throttled=1))

    assert float(world.app_now()["learned"]) == pytest.approx(50)
    assert rests(world) == 0


def test_a_storm_is_asked_after_by_one_call_at_a_time_ever_more_seldom(world):
    in_storm(world)
    pauses = [rests(world)]
    for _ in range(11):
        assert world.claim() == []
        throttled(world, rests(world))
        pauses.append(rests(world))

    assert pauses[0] == pytest.approx(1, abs=0.01)
    assert all(before <= after for before, after in pairwise(pauses))
    assert pauses[-1] == 60


def test_only_one_canary_is_out(world):
    in_storm(world)
    world.advance(1)

    assert [len(part.offsets) for part in world.claim()] == [1]
    assert world.claim() == []


def test_the_first_answer_ends_the_storm_at_a_quarter_of_the_pace(world):
    in_storm(world)
    world.advance(1)

    world.finish(world.begun())

    assert float(world.app_now()["learned"]) == pytest.approx(25)
    world.advance(1)
    assert world.claim()


@pytest.mark.parametrize("seconds", [2, 45])
def test_a_retry_after_wins_however_often_the_app_was_throttled_before(world, seconds):
    world.app()
    world.submit(50)

    pauses = []
    for _ in range(5):
        throttled(world, rests(world), after=seconds * 1_000_000)
        pauses.append(rests(world))

    assert pauses == [seconds] * 5


def test_nothing_that_was_granted_before_begins_while_the_app_rests(world):
    world.app()
    world.submit(50)
    first, second = world.begun(items=1), world.claim(items=1)[0]

    world.settle(report(first, again=[0], throttled=1, after=1_000_000))

    assert world.begin(second).reason == "held"


def test_a_few_troubled_calls_among_many_answered_ones_slow_nothing(world):
    world.app()
    world.submit(500)
    for _ in range(20):
        part = world.begun(items=8, slots=8)
        items = list(indexes(part.ranges))
        retries = [(items[0], 0, 1, 0, "")]
        told = report(part, {2: list(items[1:])}, retries=retries, troubled=1, calls=len(items))
        world.settle(told)
        world.advance(0.1)
        world.worker().beat({})

    assert "learned" not in world.app_now()


def ailing(part, seed=7):
    """A backend that answers this part of its calls with a 5xx, however fast they come."""
    chance = random.Random(seed)
    return lambda app, now: ("troubled" if chance.random() < part else "ok", 0.02)


@pytest.mark.parametrize("rate", [2, 40])
def test_errors_that_have_nothing_to_do_with_the_pace_do_not_wear_it_down(valkey_world, rate):
    valkey_world.app(rate=rate, burst=max(1, rate // 5), max_in_flight=64)
    valkey_world.submit(rate * 60)

    traffic = Traffic(valkey_world, ailing(0.18)).run(50)

    assert len(traffic.said(since=20)) >= 0.9 * rate * 30


def test_a_backend_in_which_half_of_the_calls_fail_is_spared_yet_never_given_up(valkey_world):
    valkey_world.app(rate=50, burst=10, max_in_flight=64)
    valkey_world.submit(5_000)

    traffic = Traffic(valkey_world, ailing(0.5)).run(90)

    calls = len(traffic.said(since=60))
    assert 0.1 * 50 * 30 <= calls <= 0.4 * 50 * 30


def test_a_backend_that_is_well_again_has_its_pace_back_within_half_a_minute(valkey_world):
    sick = ailing(0.5)
    valkey_world.app(rate=50, burst=10, max_in_flight=64)
    valkey_world.submit(8_000)

    traffic = Traffic(
        valkey_world, lambda app, now: sick(app, now) if now < 60 else ("ok", 0.02)
    ).run(100)

    assert len(traffic.said(since=90)) >= 0.95 * 50 * 10


def test_an_app_with_another_token_forgets_what_the_last_one_met(world):
    in_storm(world)

    world.fleet.set_token("acme/shop", world.TOKEN)

    assert "learned" not in world.app_now()
    assert rests(world) == 0
    world.advance(1)
    assert len(world.claim()[0].offsets) > 1
