"""Whatever happens to jobs over many apps: each app once, no wave too soon, every count true.

A seed draws what happens; the same seed is the same walk.
"""

import random
from contextlib import suppress

import pytest

from bulkhead.engine.recount import Recount
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict
from bulkhead.model.slice import Begun
from tests.fakes.engine import FAILED, SUCCEEDED, UNKNOWN, World, report
from tests.fakes.short_visits import ShortVisits

APPS = tuple(f"t{n % 3}/app{n}" for n in range(9))
WORKERS = ("w1", "w2")
WAVES = ((9,), (1, 9), (1, 4, 9), (3, 6, 9), (2, 3, 4, 9))
OUTCOMES = ("bad", "unknown", "retry", "back", "again", "next")
STEPS = 150


class Known:
    """What the walk knows of one job: the last word on each of its items."""

    def __init__(self, ends, rollback):
        self.ends = ends
        self.rollback = rollback
        self.good = set()
        self.bad = set()
        self.state = ""

    def before(self, index):
        """The items of all waves before the one that this item is in."""
        return set(range(max((end for end in self.ends if end <= index), default=0)))


class Walk:
    def __init__(self, redis, seed):
        self.chance = random.Random(seed)
        self.world = World(redis, ShortVisits if seed % 2 else Scripts)
        for app in APPS:
            self.world.app(app, rate=50, burst=5, max_in_flight=3)
        for name in WORKERS:
            self.world.worker(name)
        self.jobs = {}
        self.held = []
        self.trouble = self.chance.choice((0.02, 0.1, 0.3))

    def go(self):
        """So many steps, each of them checked; then every job comes to its end."""
        steps = (self.submit, self.beside, self.job_brake, self.app_brake, self.death, self.tick)
        odds = (4, 2, 5, 3, 2, 4)
        for _ in range(STEPS):
            if self.chance.random() < 0.6:
                self.work()
            else:
                self.chance.choices(steps, odds)[0]()
            self.world.advance(self.chance.choice((0.05, 0.3, 0.6, 1.1)))
            self.check()
        self.end()

    def submit(self):
        open_jobs = [job for job in self.jobs.values() if job.state in ("", "running", "queued")]
        if len(open_jobs) >= 3:
            return
        ends, rollback = self.chance.choice(WAVES), self.chance.random() < 0.5
        soak = self.chance.choice((0.0, 0.0, 1.5))
        deadline = self.world.wall() + 15 if self.chance.random() < 0.15 else None
        job = self.world.submit_fleet(APPS, ends, soak=soak, rollback=rollback, deadline=deadline)
        self.jobs[job] = Known(ends, rollback)

    def beside(self):
        self.world.submit(self.chance.randint(1, 5), self.chance.choice(APPS))

    def work(self):
        worker = self.chance.choice(WORKERS)
        for part in self.world.claim(worker, self.chance.randint(1, 8)):
            self.granted(part)
            if self.trouble and self.chance.random() < 0.1:
                self.held.append((worker, part))
            else:
                self.run(worker, part)
        if self.held and self.chance.random() < 0.5:
            self.run(*self.held.pop(0))

    def granted(self, part):
        if part.job not in self.jobs:
            return
        job, ((first, last),) = self.jobs[part.job], part.ranges
        assert first == last
        assert APPS[first] == part.app
        assert all((other.job, other.app) != (part.job, part.app) for _, other in self.held)
        if part.step == "roll_back":
            assert job.rollback
            assert job.bad
            assert first in job.good
        else:
            assert job.before(first) <= job.good, "a wave too soon"
            assert first not in job.good | job.bad, "an item twice"

    def run(self, worker, part):
        if not isinstance(self.world.begin(part, worker), Begun):
            return
        if part.job not in self.jobs:
            self.world.finish(part, worker=worker)
        elif self.chance.random() < self.trouble:
            self.go_wrong(worker, part, self.chance.choice(OUTCOMES))
        else:
            self.finish(worker, part, FAILED if part.step == "roll_back" else SUCCEEDED)

    def finish(self, worker, part, state):
        job, index = self.jobs[part.job], part.ranges[0][0]
        job.good.discard(index)
        (job.good if state == SUCCEEDED else job.bad).add(index)
        self.world.finish(part, state, worker)

    def go_wrong(self, worker, part, outcome):
        index, told = part.ranges[0][0], report(part)
        match outcome:
            case "bad" | "unknown":
                return self.finish(worker, part, UNKNOWN if outcome == "unknown" else FAILED)
            case "retry":
                told.retries.append((index, 500_000, 1, 7, part.step))
            case "next" if part.step == "":
                told.next["verify"] = [index]
            case "back":
                told.back.append(index)
            case _:
                told.again.append(index)
        return self.world.settle(told, worker)

    def job_brake(self):
        if not self.jobs:
            return
        job = self.chance.choice(list(self.jobs))
        verb = self.chance.choices(("pause", "resume", "cancel"), (4, 8, 1))[0]
        with suppress(Conflict):
            self.world.jobs.control(job, verb)

    def app_brake(self):
        verb = self.chance.choice(("pause", "resume", "resume"))
        self.world.fleet.control("app", self.chance.choice(APPS), verb)

    def tick(self):
        self.world.worker("w1").tick()

    def death(self):
        worker, other = self.chance.sample(WORKERS, 2)
        for _, part in [held for held in self.held if held[0] == worker][:2]:
            self.world.begin(part, worker)
        self.world.advance(8.1)
        self.world.worker(other).beat({})
        self.world.worker(other).reap()
        # What was granted to the other one has ended by itself.
        self.held = []
        self.world.worker(worker).beat({})

    def check(self):
        for name, job in self.jobs.items():
            found = Recount(self.world.scripts).audit(name)
            assert found.right, found.differences
            assert not job.state.startswith("comp") or job.state == found.state.value
            job.state = found.state.value
            if job.state == "completed":
                assert job.good == set(range(len(APPS)))
            if job.state == "completed_with_errors":
                self.check_halted(job)

    def check_halted(self, job):
        assert job.bad
        touched = job.good | job.bad
        last = max(touched)
        assert touched == set(range(last + 1)), "an app of the last wave was left out"
        if job.rollback:
            assert job.good == job.before(last), "a wave that failed was not taken back"

    def end(self):
        """Given time and a willing backend, every job comes to its end."""
        self.trouble, self.held = 0.0, []
        for job in self.jobs:
            with suppress(Conflict):
                self.world.jobs.control(job, "resume")
        for app in APPS:
            self.world.fleet.control("app", app, "resume")
        for _ in range(200):
            self.world.advance(1.1)
            for name in WORKERS:
                self.world.worker(name).beat({})
            self.world.worker("w1").reap()
            self.tick()
            self.work()
            if all(self.world.jobs.get(job).state.terminal for job in self.jobs):
                return self.check()
        raise AssertionError({job: self.world.state(job) for job in self.jobs})


@pytest.mark.parametrize("seed", range(12))
def test_every_order_of_events_keeps_a_job_over_many_apps_true(no_sync, seed):
    Walk(no_sync, seed).go()
