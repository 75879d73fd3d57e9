"""What must be true of the engine, in plain Python: who may hold which item, and what became of it.

It hears every answer of the store when the store gives it, whatever becomes of it on its way.
"""

import time
from collections import Counter

from bulkhead.engine.verbs import DEAD_AFTER, REAP_AT_ONCE
from bulkhead.model.ranges import indexes, parse_ranges
from bulkhead.model.rotation import AWAIT, CODE_OF, OPTIONS, VERIFY
from bulkhead.model.slice import LOOK, Begun
from tests.fakes.engine import COUNTED, FAILED, PENDING, UNKNOWN
from tests.simulation.deaths import FATAL_DEATHS, Deaths
from tests.simulation.fleet_job import FleetJob
from tests.simulation.granting import GRANT, granted
from tests.simulation.kernel import MICRO, require

READ_TIMEOUT = 30
UNSURE = ("read_back", "repeated", OPTIONS, VERIFY, AWAIT, *CODE_OF)
MARKED = 50
"""Seconds of real time in which the store surely remembers that a lease was settled."""


class Model:
    """Checks each answer against what is known, then learns from it."""

    def __init__(self, kernel):
        self._kernel = kernel
        self.jobs = {}
        self.apps = {}
        self.leases = {}
        self.begun = {}
        self.senders = None
        """Who sends in real time."""
        self.delay = 0
        """Microseconds: the longest that a worker has said it needs from a claim to a call."""
        self._told = {}
        self._ended = {}
        self._awaits = {}
        self.paused_tenants = set()
        self.beats = {}
        self.left = set()
        self.deaths = Deaths()
        self.touched_jobs = set()
        self.touched_apps = set()
        self.unknown = 0
        self.repeated_calls = 0
        self.answers = Counter()

    @property
    def now(self):
        return self._kernel.now

    def add_job(self, job):
        self.jobs[job.name] = job
        self.touch(job.name)

    def touch(self, job):
        self.touched_jobs.add(job)
        self.touched_apps.update(self.jobs[job].apps)

    def is_held(self, job, name):
        """True where a person or a token has stopped the job, or this app of it."""
        app = self.apps[name]
        stopped = job.paused or job.over or app.tenant in self.paused_tenants
        return stopped or app.state != "active" or job.closed_since(self.now) is not None

    def is_late(self, job):
        return job.deadline is not None and job.deadline <= self.now

    # Every answer of the store, in the moment in which it is given.

    def claimed(self, worker, slots, room, claim, delay=0.0):
        self.delay = max(self.delay, round(delay * MICRO))
        require(sum(part.parallel for part in claim.slices) <= slots, "slots", worker)
        require(sum(len(part.offsets) for part in claim.slices) <= room, "room", worker)
        for part in claim.slices:
            self._grant(worker, part)

    def _grant(self, worker, part):
        job, app = self.jobs[part.job], self.apps[part.app]
        require(not self.is_held(job, app.name), "claim of held work", part.lease, job.name)
        self.senders.granted(job)
        lease = granted(worker, part, job, self.now)
        self.leases[part.lease] = lease
        job.leased.update(dict.fromkeys(lease.order, lease))
        app.held += part.parallel
        app.granted += 0 if part.step == LOOK else lease.permits
        self.touch(part.job)

    def began(self, worker, leases, answers, reach):
        for name, answer in zip(leases, answers, strict=True):
            self._begin(self.leases.get(name), worker, answer, reach.get(name))

    def _begin(self, lease, worker, answer, reach):
        verdict = "ok" if isinstance(answer, Begun) else answer.reason
        self.answers[f"begin {verdict}"] += 1
        if lease is None or lease.worker != worker:
            return require(verdict == "gone", "begin of a lease that has ended", verdict)
        job = self.jobs[lease.job]
        self.touch(lease.job)
        if lease.begun:
            return require(verdict == "ok", "begin again", lease.id, verdict)
        if verdict == "ok":
            held = self.is_held(job, lease.app) or self.is_late(job)
            require(not held, "begin of held work", lease.id, job.name)
            require(self.now < lease.at + GRANT, "begin past the grant", lease.id)
            require(answer.left <= lease.at + GRANT - self.now, "time left", lease.id, answer.left)
            for index in [] if reach is None else lease.order[reach:]:
                del job.leased[index]
                lease.items.discard(index)
            lease.begun = True
            self.begun[lease.id] = lease
            calls = len(lease.items) if lease.join == 1 else lease.permits
            waves = -(-calls // lease.parallel)
            lease.ends = self.now + (waves * READ_TIMEOUT + 5) * MICRO
            return None
        if verdict == "expired":
            require(self.now >= lease.at + GRANT, "refused as expired", lease.id)
        elif verdict == "held" and not (job.budget or self.apps[lease.app].slowed):
            held = self.is_held(job, lease.app) or self.is_late(job)
            require(held, "refused as held", lease.id, job.name)
        return self._return_whole(lease)

    def _return_whole(self, lease):
        """A lease that never began costs nothing."""
        if lease.step != LOOK:
            self.apps[lease.app].returned += lease.permits
        job = self.jobs[lease.job]
        for index in lease.items:
            del job.leased[index]
        self._drop(lease)

    def _drop(self, lease):
        del self.leases[lease.id]
        self.apps[lease.app].held -= lease.parallel
        self.touch(lease.job)

    def gave_back(self, worker, leases, returned):
        mine = [self.leases[name] for name in leases if name in self.leases]
        whole = [lease for lease in mine if lease.worker == worker and not lease.begun]
        require(returned == len(whole), "given back", returned, len(whole))
        for lease in whole:
            self._return_whole(lease)

    def settled(self, worker, reports, answers):
        for report, answer in zip(reports, answers, strict=True):
            lease = self.leases.get(report.lease)
            self.answers[f"settle {answer.verdict}"] += 1
            self.touch(report.job)
            if lease is None or lease.worker != worker:
                require(answer.verdict != "ok", "the fence", report.lease, "settled after its end")
                self._after_the_end(report, answer)
            elif report.seq <= lease.seq:
                require(answer.verdict == "repeated", "settled twice", report.lease, answer.verdict)
                known = self._told.get((report.lease, report.seq))
                require(known is report, "news is taken for old", report.lease, report.seq)
            else:
                require(answer.verdict == "ok", "settle", report.lease, answer.verdict)
                self._settle(lease, report)

    def _after_the_end(self, report, answer):
        ended = self._ended.get(report.lease)
        if ended is not None and time.monotonic() < ended + MARKED:
            require(answer.verdict == "repeated", "settled twice", report.lease, answer.verdict)
        if answer.verdict == "late":
            self._late(report)

    def _settle(self, lease, report):
        self._told[report.lease, report.seq] = report
        if report.last:
            self._ended[report.lease] = time.monotonic()
        job, app = self.jobs[lease.job], self.apps[lease.app]
        lease.seq = report.seq
        ended = {}
        for state, items in report.states.items():
            ended.update(dict.fromkeys(items, state))
            if state == UNKNOWN and lease.repeat == "safe":
                # Nobody answered the question whether it was carried out.
                job.nobody_looked |= set(items)
            elif state == UNKNOWN:
                self.unknown += len(items)
        job.final.update(ended)
        if isinstance(job, FleetJob):
            job.ended_at.update(dict.fromkeys(ended, self.now))
            self._wait(job, report)
        for index, delay, _, _, step in report.retries:
            job.due[index], job.steps[index] = self.now + delay, step
            job.deaths.pop(index, None)
        for step, items in report.next.items():
            job.steps.update(dict.fromkeys(items, step))
            job.forgive(items)
        job.forgive(report.again)
        for index in (*report.back, *report.again):
            if lease.step == LOOK:
                job.steps.pop(index, None)
        app.returned += 0 if lease.step == LOOK else lease.unused(report)
        left = set(indexes(parse_ranges(report.left)))
        for index in lease.items - left:
            del job.leased[index]
        lease.items = left
        app.slowed = app.slowed or bool(report.again or report.retries or report.next)
        if report.stop is not None and report.app_version == app.version:
            app.state = "stopped"
        if report.last:
            self._drop(lease)

    def _wait(self, job, report):
        for index, delay, _, _, step, whom in report.waits:
            job.due[index], job.steps[index] = self.now + delay, step
            job.deaths.pop(index, None)
            self._awaits[report.app, whom] = (job, index)

    def woke(self, app, whom):
        """An event has come: who waits for it goes on now."""
        job, index = self._awaits.pop((app, whom), (None, None))
        if job is not None and index in job.due and job.steps[index] == AWAIT:
            job.due[index] = self.now

    def _late(self, report):
        job = self.jobs[report.job]
        for state, items in report.states.items():
            for index in items:
                if job.final.get(index) == UNKNOWN and state != UNKNOWN:
                    job.final[index] = state
                    if isinstance(job, FleetJob):
                        job.late.add(index)
                    self.unknown -= index not in job.nobody_looked

    def ended(self, job):
        """What was sent and not confirmed is unknown once its job has ended: nobody looks."""
        for index, step in job.steps.items():
            lease = job.leased.get(index)
            called = lease is not None and lease.begun
            if step in UNSURE and not called and index not in job.final:
                job.final[index] = UNKNOWN
                job.nobody_looked.add(index)

    def beat(self, worker):
        self.beats[worker] = self.now + DEAD_AFTER * MICRO
        self.left.discard(worker)
        self.deaths.revived(worker)

    def leave(self, worker):
        self.beats[worker] = self.now
        self.left.add(worker)

    def reaped(self, dead, ended):
        due = self.deaths.reap(self.beats, self.left, self.now)
        require(set(dead) <= set(due), "reaped alive", set(dead) - set(due))
        for told in ended:
            lease = self.leases.get(told.lease)
            require(lease is not None, "reaped twice", told.lease)
            require(lease.worker in due or lease.ends <= self.now, "reaped too soon", told.lease)
            self.deaths.up_to(lease.worker)
            self._reap(lease, told)
        self.deaths.up_to(None)
        for name in dead:
            del self.beats[name]
        if len(ended) < REAP_AT_ONCE:
            held = self.leases.values()
            stale = [one.id for one in held if one.worker in due or one.ends <= self.now]
            require(not stale, "outlived its worker or its time", *stale[:5])

    def _reap(self, lease, told):
        if not lease.begun:
            require(told.again == len(lease.items), "a granted lease ends quietly", lease.id, told)
            return self._return_whole(lease)
        job, items = self.jobs[lease.job], lease.items
        deaths = lease.deaths + (died := lease.worker not in self.left)
        counts = (told.again, told.unknown, told.failed)
        state, expected = PENDING, (len(items), 0, 0)
        if lease.repeat == "once":
            state, expected = UNKNOWN, (0, len(items), 0)
        elif len(items) == 1 and self.deaths.guilty(job, min(items), deaths):
            state, expected = FAILED, (0, 0, 1)
        elif len(items) == 1 and deaths == FATAL_DEATHS and died:
            self.deaths.suspect(job, min(items))
        nobody_looks = job.over and (lease.repeat == "check" or lease.step in UNSURE)
        if state == PENDING and nobody_looks:
            state, expected = UNKNOWN, (0, len(items), 0)
            job.nobody_looked |= items
        require(
            counts == expected, "what becomes of a dead worker's items", lease.id, counts, expected
        )
        for index in items:
            del job.leased[index]
            if state != PENDING:
                job.final[index] = state
            elif lease.repeat == "check":
                job.steps[index] = job.after_loss.get(lease.step, "read_back")
            job.deaths[index] = deaths
        if lease.repeat == "once":
            self.unknown += len(items)
        self.apps[lease.app].lost += 0 if lease.step == LOOK else lease.permits
        return self._drop(lease)

    def counts(self, job):
        """How many items of the job ended in which way."""
        found = Counter(COUNTED[state] for state in self.jobs[job].final.values())
        return {name: found[name] for name in COUNTED.values()}
