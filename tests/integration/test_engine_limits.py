"""Over long simulated time: never more permits than allowed, and hardly one fewer."""

import heapq
import itertools
import random

import pytest

from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun
from tests.fakes.engine import START, SUCCEEDED, report

LATE = 0.05
WORKERS = ("w1", "w2")


class Run:
    """Two workers that claim whatever is due, make every call on its instant, and settle."""

    def __init__(self, world, latency, chance=None):
        self.world = world
        self.latency = latency
        self.chance = chance
        self.calls = []
        self.most_at_once = 0
        self._open = 0
        self._events = []
        self._order = itertools.count()

    def last(self, seconds):
        self._at(START, self._claim)
        self._at(START, self._pulse)
        while self._events[0][0] < START + seconds * 1e6:
            instant, _, act, *about = heapq.heappop(self._events)
            self.world.reach(instant)
            act(*about)
        return sorted(self.calls)

    def _at(self, instant, *act):
        heapq.heappush(self._events, (round(instant), next(self._order), *act))

    def _pulse(self):
        for name in WORKERS:
            self.world.worker(name).beat({})
        self.world.worker("w1").reap()
        self._at(self.world.now + 1e6, self._pulse)
        self._claim(again=False)

    def _claim(self, again=True):
        due = None
        for name in WORKERS:
            while (claim := self.world.worker(name).claim(64, 50)).slices:
                for part in claim.slices:
                    self._take(part, name)
            due = claim.next_due
        if again:
            self._at(self.world.now + max(1e3, 1e6 if due is None else due * 1e6), self._claim)

    def _take(self, part, worker):
        fate = self.chance.random() if self.chance else 1
        now, instants = self.world.now, dict(zip(indexes(part.ranges), part.offsets, strict=True))
        if fate < 0.15:
            return  # the worker never gets to it: it is reaped
        if fate < 0.3:
            later = now + self.chance.uniform(0, 1.9e6)
            self._at(later, self.world.worker(worker).give_back, [part.lease])
            return
        if not isinstance(self.world.begin(part, worker), Begun):
            return
        items = list(instants)
        back = items[len(items) // 2 :] if fate < 0.4 else items[: len(items) // 2]
        back = back if fate < 0.5 else []
        self.calls += [(now + instants[item]) / 1e6 for item in items if item not in back]
        told = report(part, {SUCCEEDED: [item for item in items if item not in back]}, back=back)
        told.latency = round(self.latency * 1e6)
        self._open += part.parallel
        self.most_at_once = max(self.most_at_once, self._open)
        ends = now + max(instants.values()) + told.latency
        if back:
            ends = now + self.chance.uniform(0, ends - now)
        self._at(ends, self._settle, told, part.parallel, worker)

    def _settle(self, told, parallel, worker):
        self._open -= parallel
        assert self.world.settle(told, worker).verdict == "ok"
        self._claim(again=False)


def worst_window(calls, rate):
    """The most calls in any window beyond what its length alone allows."""
    worst, lowest = 0.0, float("inf")
    for number, instant in enumerate(calls):
        lowest = min(lowest, number - rate * instant)
        worst = max(worst, number - rate * instant - lowest + 1)
    return worst


@pytest.mark.parametrize(
    ("rate", "burst", "cap", "latency", "seconds"),
    [
        (50, 10, 8, 0.05, 40),
        (20, 40, 8, 0.05, 60),
        (20, 1, 16, 0.2, 60),
        (0.5, 1, 1, 0.05, 300),
        (200, 40, 64, 0.05, 15),
        (400, 1, 64, 0.1, 8),
        (1000, 100, 64, 0.02, 6),
    ],
)
def test_no_window_exceeds_the_rate_and_hardly_a_permit_is_wasted(
    valkey_world, rate, burst, cap, latency, seconds
):
    world = valkey_world
    world.app(rate=rate, burst=burst, max_in_flight=cap)
    world.redis.hset(world.key("app", "acme/shop"), "latency", round(latency * 1e6))
    world.submit(round(rate * seconds * 1.2) + burst)

    run = Run(world, latency)
    calls = run.last(seconds)

    assert worst_window(calls, rate) <= rate * LATE + burst
    assert len([call for call in calls if call < START / 1e6 + seconds]) >= 0.99 * rate * seconds
    assert run.most_at_once <= cap


@pytest.mark.parametrize("seed", range(6))
def test_permits_that_come_back_are_never_granted_on_top_of_the_rate(valkey_world, seed):
    world, chance = valkey_world, random.Random(seed)
    rate, burst = chance.choice([5, 50, 200]), chance.choice([1, 10, 60])
    world.app(rate=rate, burst=burst, max_in_flight=64)
    job = world.submit(20_000)

    calls = Run(world, 0.05, chance).last(20)

    assert worst_window(calls, rate) <= rate * LATE + burst
    assert len(calls) > rate
    world.audit(job)


def test_a_burst_that_came_back_after_the_next_one_is_not_granted_a_third_time(valkey_world):
    world = valkey_world
    world.app(rate=20, burst=40, max_in_flight=64)
    world.submit(1000)
    first = [part.lease for part in world.claim("w1")]
    world.advance(1.99)
    second = sum(len(part.offsets) for part in world.claim("w2"))

    world.worker("w1").give_back(first)
    third = sum(len(part.offsets) for part in world.claim("w2", slots=64))

    assert second + third <= 20 * (0.25 + LATE) + 40
