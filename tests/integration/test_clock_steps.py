"""The store's clock is set back or forward by an hour in the middle of everything."""

import json

import pytest

from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.overview import Overview
from bulkhead.engine.script import CLOCK, Scripts
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun
from tests.fakes.engine import SUCCEEDED, UNKNOWN, World, report

HOUR = 3600.0
STEPS = {
    "back": [-HOUR],
    "forward": [HOUR],
    "forward and back": [HOUR, -HOUR],
    "back and forward": [-HOUR, HOUR],
    "back twice": [-HOUR, -HOUR],
}
TELLS = "redis.call('TIME')"
TOLD = """(function()
    local told = tonumber(redis.call('GET', key('test-clock')))
    return { math.floor(told / 1000000), told % 1000000 }
  end)()"""
LATE = 0.05
"""Seconds that a permit stays good."""
AHEAD = 0.08
"""Seconds for which permits are granted ahead; a clock that jumps forgets them."""


class SteppedWorld(World):
    """The product's own clock over a machine whose time can be set, beside the true time."""

    def __init__(self, redis, folder):
        self.error = 0
        super().__init__(redis)
        text = CLOCK.read_text()
        assert text.count(TELLS) == 1
        clock = folder / "clock.lua"
        clock.write_text(text.replace(TELLS, TOLD))
        self.scripts = Scripts(redis, clock=clock)
        self.fleet, self.jobs = Fleet(self.scripts), Jobs(self.scripts, self.wall)

    def advance(self, seconds):
        self.now += round(seconds * 1e6)
        self.redis.set(self.key("test-clock"), self.now + self.error)

    def step(self, seconds):
        """Set the machine's clock; no time passes."""
        self.error += round(seconds * 1e6)
        self.advance(0)

    def live(self, seconds, *workers):
        """Let time pass as workers do: they beat, and look after what has ended."""
        ended = []
        for _ in range(round(seconds)):
            self.advance(1)
            for name in workers:
                self.worker(name).beat({})
                ended += self.worker(name).reap()[1]
                self.worker(name).tick()
        return ended

    def ahead(self):
        return int(self.redis.get(self.key("clock", "ahead")) or 0) / 1e6


@pytest.fixture
def world(no_sync, tmp_path):
    return SteppedWorld(no_sync, tmp_path)


def excess(times, rate, burst):
    """Over all windows, the most of calls − rate × (window + 50 ms) − burst."""
    times = sorted(times)
    return max(
        last - first + 1 - rate * (times[last] - times[first] + LATE) - burst
        for first in range(len(times))
        for last in range(first, len(times))
    )


def work(world, job, steps, rate):
    """Run a job to its end, the clock stepped now and then; when each call was made."""
    called, left, began = [], list(steps), world.now
    while world.jobs.get(job).state.value in ("queued", "running"):
        passed = (world.now - began) / 1e6
        if left and passed > 0.5 * (1 + len(steps) - len(left)):
            world.step(left.pop(0))
        assert passed < 60 / rate / 0.9 + 2, "it stands still"
        world.worker("w1").beat({})
        world.worker("w1").reap()
        for part in world.claim("w1"):
            if isinstance(world.begin(part, "w1"), Begun):
                items = indexes(part.ranges)
                pairs = zip(items, part.offsets, strict=True)
                called += [(world.now / 1e6 + offset / 1e6, item) for item, offset in pairs]
                world.finish(part, worker="w1")
        world.advance(0.02)
    assert not left
    return called


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("burst", [1, 10])
def test_each_item_is_called_once_and_the_rate_is_kept_whatever_the_clock_does(world, steps, burst):
    rate = 20
    world.app(rate=rate, burst=burst)
    job = world.submit(60)

    called = work(world, job, steps, rate)

    assert sorted(item for _, item in called) == list(range(60))
    assert world.counts(job).succeeded == 60
    world.audit(job)
    jumps = sum(step > 0 for step in steps)
    allowed = jumps * (burst + rate * AHEAD) + 1
    assert excess([at for at, _ in called], rate, burst) <= allowed


def test_after_a_step_back_no_more_calls_are_made_than_without_it(world):
    world.app(rate=20, burst=1)

    called = work(world, world.submit(60), [-HOUR, -60.0, -0.5, -0.05], 20)

    assert excess([at for at, _ in called], 20, 1) <= 0


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(("kind", "state"), [("users.import", 0), ("users.tokens.issue", UNKNOWN)])
def test_a_dead_workers_items_go_on_as_soon_as_ever(world, steps, kind, state):
    world.app(max_in_flight=4)
    job = world.submit(4, kind=kind)
    world.begun("w1", items=4)

    for step in steps:
        world.step(step)
    ended = world.live(11, "w2")

    assert [one.again + one.unknown for one in ended if one.job == job] == [4]
    assert world.map_of(job) == [state] * 4
    world.audit(job)


def test_an_answer_that_comes_after_a_step_forward_ended_its_lease_still_counts(world):
    world.app(max_in_flight=4)
    job = world.submit(4, kind="users.tokens.issue")
    part = world.begun("w1", items=4)

    world.step(HOUR)
    world.live(1, "w2")
    lost = world.counts(job).unknown
    world.settle(report(part, {SUCCEEDED: list(indexes(part.ranges))}), "w1")

    assert lost == 4
    assert (world.counts(job).succeeded, world.counts(job).unknown) == (4, 0)
    world.audit(job)


def test_a_job_starts_at_its_time_of_day_and_ends_at_its_deadline_also_while_time_is_ahead(world):
    world.app()
    world.worker("w1").beat({})
    world.step(HOUR)
    world.live(1, "w1")
    world.step(-HOUR)
    at, deadline = world.wall() + 60, world.wall() + 90
    job = world.submit(3, at=at, deadline=deadline)
    told = []

    for _ in range(95):
        world.live(1, "w1")
        told.append((round(world.wall() - at), world.state(job)))

    assert {state for second, state in told if second < 0} == {"scheduled"}
    assert {state for second, state in told if 1 <= second < 30} == {"queued"}
    assert {state for second, state in told if second > 30} == {"timed_out"}


def test_a_retry_that_was_due_soon_is_due_soon_after_a_step_back(world):
    world.app()
    job = world.submit(1)
    part = world.begun()
    world.settle(report(part, retries=[(0, 2_000_000, 1, 0, "")]))

    world.step(-HOUR)
    world.live(4, "w1")

    assert world.run_all("w1") == [(job, 0)]


def test_time_goes_a_tenth_slower_until_it_agrees_with_the_clock_again(world):
    world.worker("w1").beat({})
    world.step(-10)
    world.live(1, "w1")
    soon = world.ahead()

    world.live(105, "w1")

    assert 8 < soon <= 10
    assert world.ahead() == 0
    assert Overview(world.scripts).workers()[0].live


def test_the_documents_that_show_ages_follow_the_same_time(world):
    clock, root = world.key("clock"), world.key("clock", "ahead")
    world.redis.mset({clock: 1, root: int(HOUR * 1e6)})

    seconds = Overview(world.scripts).time() / 1e6

    assert seconds - world.redis.time()[0] > HOUR - 60
    assert json.loads(world.redis.get(root)) == HOUR * 1e6
