"""One run: a scenario against the real scripts, in virtual time, judged after every step."""

import random

from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.model.job import JobState
from tests.fakes.engine import FAILED, START, World
from tests.fakes.short_visits import EDIT as SHORT_VISITS
from tests.simulation.audit import Audit, leaks
from tests.simulation.backend import LATE, OBEYED, Backend
from tests.simulation.crew import Crew
from tests.simulation.engine import Bell, Engine
from tests.simulation.fleet_audit import FleetAudit
from tests.simulation.kernel import MICRO, Kernel, require
from tests.simulation.model import Model
from tests.simulation.orders import KIND, hours_of, in_micros, in_time, steps_of
from tests.simulation.outcome import Outcome
from tests.simulation.people import People
from tests.simulation.records import ModelApp, ModelJob
from tests.simulation.rotation import Rotations
from tests.simulation.senders import Senders
from tests.simulation.shares import judge
from tests.simulation.store import TimedScripts

AUDIT_EVERY = 25
FULL_AUDIT_EVERY = 1000
WAY = (100, 1500)
"""Microseconds to the store, or back."""
SLOW_WAY = 30_000
PROMPT = 150_000
"""Microseconds in which an idle worker calls for a job of an app with permits."""


class Simulation(World):
    """Everything around the engine, made from one scenario."""

    def __init__(self, redis, scenario, edits=(), flaws=()):
        redis.flushall()
        self.kernel = Kernel(START)
        self.scenario, self.faults, self.flaws = scenario, scenario.faults, flaws
        self.chance = random.Random(scenario.seed * 7919 + 1)
        self._load(redis, (*edits, SHORT_VISITS) if scenario.short_visits else edits)
        slow = self.faults.slow_way > 0
        self.backend = Backend(self.kernel, self.chance, 2 * (SLOW_WAY if slow else WAY[1]))
        self.model = Model(self.kernel)
        self.crew = Crew(self)
        self.engine = Engine(
            self.scripts, self.model, self.crew.disown, self._deadlines, self._after
        )
        bell = self.key("bell", "main")
        self.bell = Bell(redis, bell, self.kernel, lambda: self.happens("lost_bell"))
        self.senders = self.model.senders = Senders(self, self.backend.slack)
        self.rotations = Rotations(self, *scenario.tests)
        self.audit_now = Audit(redis, self.key, self.model)
        self.audit_fleets = FleetAudit(redis, self.key, self.model)
        self.lost_once = 0
        self.prompt = {}
        self._audited = self._audited_all = 0
        self._must_end = 0
        self.people = People(self)
        self.people.arrive()
        for _ in range(scenario.workers):
            self.crew.hire()

    def _load(self, redis, edits):
        super().__init__(redis)
        self.scripts = TimedScripts(redis, self.kernel, edits)
        self.fleet, self.jobs = Fleet(self.scripts), Jobs(self.scripts, self.wall)

    @property
    def now(self):
        return self.kernel.now

    @now.setter
    def now(self, value):
        """Time is the kernel's to move."""

    # What workers ask of the world.

    def way(self):
        if self.happens("slow_way"):
            return self.chance.randrange(SLOW_WAY)
        return self.chance.randrange(*WAY)

    def queue_delay(self):
        if self.happens("slow_queue"):
            return self.chance.randrange(3 * MICRO)
        return self.chance.randrange(1_000, 6_000)

    def happens(self, fault):
        odds = getattr(self.faults, fault)
        return odds > 0 and self.chance.random() < odds

    def maybe_crash(self, worker):
        if self.happens("crash"):
            self.crew.kill(worker, 1.0)

    def repeat_of(self, part):
        return self.model.jobs[part.job].repeats.get(part.step, "once")

    def call(self, worker, part, items, token, place):
        """One call of a worker, held against everything that is known."""
        job = self.model.jobs[part.job]
        lease = self.model.begun.get(part.lease)
        require(lease is not None, "begun before it is called", part.lease)
        instant = lease.instants.pop(place, None)
        require(instant is not None, "a permit a call", part.lease, place)
        require(set(items) <= lease.items, "only what it holds", part.lease, items)
        told = (part.lease, items[0], self.now - instant)
        require(self.now >= instant - 1, "no call before its permit", *told)
        longest = LATE + self.backend.slack + lease.doubt
        require(self.now <= instant + longest, "permits are for now", *told)
        for since, what in self.people.held_since(job, part.app):
            require(
                self.now - since <= OBEYED, "obeyed within 2 s", job.name, what, self.now - since
            )
        self.senders.sent(job)
        repeat = self.repeat_of(part)
        answer = self.backend.receive(part.app, part.job, items, part.step, repeat, token=token)
        if part.kind == KIND:
            self.rotations.called(part, items[0], answer)
        if job.poison.intersection(items):
            self.backend.ends(part.app)
            self.crew.kill(worker, 0.5)
        if part.job in self.prompt:
            late = self.now - self.prompt.pop(part.job)
            require(
                late <= PROMPT, "an idle worker calls at once", job.name, f"{late / MICRO:.3f} s"
            )
        if repeat == "once" and answer.word in ("lost", "broken"):
            self.lost_once += len(items)
        return answer

    def excuse(self, part, took):
        """A worker that waited long for the answer to begin cannot know its instants better."""
        if took > self.backend.slack:
            self.model.begun[part.lease].doubt = took
            self.backend.excuse(part.app, took)
            self.senders.excuse(part, took)

    def _deadlines(self):
        """After a tick no job lives on past its deadline, and none is open outside its window."""
        for job in self.model.jobs.values():
            if not job.over and job.closed_since(self.model.now) is not None:
                state = self.redis.hget(self.key("job", job.name), "state").decode()
                require(state not in ("queued", "running"), "a window is kept", job.name, state)
            if not job.over and self.model.is_late(job):
                state = self.redis.hget(self.key("job", job.name), "state").decode()
                require(JobState(state).terminal, "a deadline is kept", job.name, state)

    def _after(self, verb):
        self.bell.hear()

    # The run.

    def run(self, steps):
        """Returns the Outcome. Raises Violation."""
        end = START + self.scenario.seconds * MICRO
        quiet = None
        while self.kernel.steps < steps:
            if quiet is None and self.now >= end:
                self.people.go_home()
                self.senders.settled = True
                quiet = self.now
                # By what is left now: work must not look late by getting less.
                self._must_end = quiet + self.people.bound()
            if quiet is not None and (self.scenario.profile == "fair" or self._at_rest(quiet)):
                return self._rest()
            self.kernel.step()
            self._look()
        self._audit_all()
        return self._outcome(complete=False)

    def _look(self):
        if self.kernel.steps - self._audited >= AUDIT_EVERY:
            self._audited = self.kernel.steps
            if self.kernel.steps - self._audited_all >= FULL_AUDIT_EVERY:
                return self._audit_all()
            self.audit_now.run(self.model.touched_jobs, self.model.touched_apps)
            self.audit_fleets.run()
            self._forget_touched()
        return None

    def _audit_all(self):
        self._audited_all = self.kernel.steps
        self.audit_now.run(self.model.jobs, self.model.apps)
        self.audit_fleets.run(ended=True)
        self._forget_touched()

    def _forget_touched(self):
        self.model.touched_jobs, self.model.touched_apps = set(), set()

    def _at_rest(self, quiet):
        """True when all work has ended; that must come within the bound that the rates set."""
        if self.kernel.steps % 100:
            return False
        if self.kernel.steps % 2000 == 0 and self.now > self._must_end:
            left = [job.name for job in self.model.jobs.values() if not job.over]
            require(not left, "all work ends", len(left), "jobs are left,", *left[:3])
        thawed = max((worker.thaw for worker in self.crew.living()), default=0)
        if self.now < max(quiet, self.kernel.last_action, thawed) + 11 * MICRO or self.model.leases:
            return False
        self.audit_now.run([j.name for j in self.model.jobs.values() if not j.over], ())
        self.audit_fleets.run()
        return all(
            job.over
            or (
                job.state not in ("scheduled", "queued", "running")
                and job.closed_since(self.now) is None
            )
            for job in self.model.jobs.values()
        )

    def _rest(self):
        self._audit_all()
        judge(self.scenario, self.backend)
        if self.scenario.profile == "fair":
            return self._outcome(complete=True)
        left = [job.name for job in self.model.jobs.values() if not job.over]
        require(not left, "all work ends", *left[:3])
        found = leaks(self.redis, self.key, self.model)
        require(not found, "nothing is left behind", *found[:5])
        require(
            self.model.unknown <= self.crew.exposed + self.lost_once,
            "unknown",
            self.model.unknown,
            "of",
            self.crew.exposed,
            "held at deaths and",
            self.lost_once,
            "lost",
        )
        self._permits()
        self.rotations.judge()
        return self._outcome(complete=True)

    def _permits(self):
        """Each permit was used, given back, or lost with a begun lease."""
        for app in self.model.apps.values():
            used = app.granted - app.returned
            calls = self.backend.services[app.name].calls
            require(calls <= used <= calls + app.lost, "permits", app.name, used, calls, app.lost)

    def close(self):
        """Let go of the connection."""
        self.scripts.close()

    def _outcome(self, complete):
        return Outcome(
            self.kernel.steps,
            (self.now - START) / MICRO,
            items=sum(job.total for job in self.model.jobs.values()),
            calls=sum(service.calls for service in self.backend.services.values()),
            unknown=self.model.unknown,
            wire_at_deaths=self.crew.wire_at_deaths,
            deaths=self.crew.deaths,
            complete=complete,
            words=dict(self.backend.words),
        )

    def add_app(self, name, service):
        """An app as the product makes it, which the model knows."""
        rate = self.scenario.senders.get(name)
        self.app(
            name,
            rate=float(service.rate),
            burst=service.burst,
            max_in_flight=service.cap,
            tenant_weight=self.scenario.tenants[name.split("/")[0]],
            classes={"sender": float(rate)} if rate else {},
        )
        self.backend.add(name, service)
        self.model.apps[name] = ModelApp(name, name.split("/")[0])
        self.learn_version(name)

    def learn_version(self, app):
        self.model.apps[app].version = self.redis.hget(self.key("app", app), "version").decode()

    def add_job(self, app, items, request):
        """A job as a producer makes it, which the model knows."""
        if self.model.apps[app].gone:
            return None
        request = in_time(request)
        refused, poison = request.pop("refused", set()), request.pop("poison", set())
        alike = request.pop("alike", 1)
        self._prompt_before = self._idle_for(app)
        job = self.submit(items, app, refused=refused, **request)
        self.know_job(job, app, items, refused, request)
        self.model.jobs[job].poison, self.model.jobs[job].alike = poison, alike
        return job

    def know_job(self, job, app, items, refused, request):
        known, deadline = dict.fromkeys(refused, FAILED), in_micros(request.get("deadline"))
        steps = steps_of(request["kind"])
        self.model.add_job(ModelJob(job, app, steps, items, deadline, known))
        self.model.jobs[job].budget = "max_failures" in request
        self.model.jobs[job].sender = request.get("sender", "")
        self.model.jobs[job].hours = hours_of(request.get("window"))
        if self._prompt_before and len(refused) < items and "at" not in request:
            self.prompt[job] = self.now
        self.bell.hear()

    def _idle_for(self, app):
        """True where nothing keeps a new job of this app from being called at once."""
        quick = self.scenario.calm and not self.faults.publish_fails and "/quick" in app
        return quick and bool(self.bell.idle())
