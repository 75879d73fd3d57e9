"""A worker process as `worker` and `tasks` make one: the same order of the same questions."""

from collections import deque
from dataclasses import dataclass, field

from bulkhead.engine.delay import StartDelay
from bulkhead.model.ranges import indexes, write_ranges
from bulkhead.model.slice import LOOK, Begun, Report
from tasks.clocks import Clocks
from tasks.joined import shortened
from tests.simulation.answers import fold
from tests.simulation.joining import reach, turns
from tests.simulation.kernel import MICRO, Signal
from tests.simulation.orders import KIND
from tests.simulation.rotation import NO_CALL

POLL = MICRO * 3 // 2
SOON = 2_000
BEAT = 2 * MICRO
SETTLE_EVERY = MICRO // 4
PAUSE = MICRO // 4
PARCEL = 50
LOST = object()
"""In place of an answer that never came."""


@dataclass(eq=False)
class Run:
    """One begun slice while its calls are made."""

    part: object
    begun: Begun
    window: object
    turns: deque
    left: set
    lanes: int
    known: dict
    seq: int = 0
    halted: bool = False
    settled: bool = False
    finished: deque = field(default_factory=deque)
    unsent: deque = field(default_factory=deque)
    done: Signal = field(default_factory=Signal)


@dataclass(eq=False)
class OnWire:
    """A call that is out; it counts as long as its worker is thought to live."""

    app: str
    counts: bool = True


class Worker:
    """Threads of one process: a feeder, a pulse, and one for each parcel and each call."""

    def __init__(self, world, name, calls):
        self.world, self.kernel, self.name = world, world.kernel, name
        self.verbs = world.engine.verbs(name)
        self.alive, self.thaw = True, 0
        self.free_calls, self.free_parcels = calls, calls
        self.waiting = {}
        self.changed = Signal()
        self.out = []
        self.busy = 0
        self.delay = StartDelay()
        self.faults = world.faults
        self.kernel.spawn(self._feeder(), self)
        self.kernel.spawn(self._pulse(), self)

    def die(self):
        """As by SIGKILL: the kernel closes its sockets; the store notices nothing."""
        self.alive = False
        self.disown()
        self.world.bell.leave(self)

    def disown(self):
        """What it still has on the wire counts no more: nobody can take it back."""
        for call in self.out:
            if call.counts:
                call.counts = False
                self.world.backend.ends(call.app)

    # The way to the store and back; on both halves something may happen.

    def _ask(self, question, patient=True):
        while True:
            yield self.world.way()
            answer = question()
            self.world.maybe_crash(self)
            if not self.world.happens("lost_answer"):
                yield self.world.way()
                return answer
            yield self.world.way()
            if not patient:
                return LOST
            yield PAUSE

    def _feeder(self):
        while True:
            if self.free_calls <= 0 or self.free_parcels <= 0:
                yield self.changed, POLL
                continue
            claim = yield from self._ask(self._claim, patient=False)
            if claim is LOST or claim.draining:
                yield POLL
            elif claim.slices:
                yield from self._publish(list(claim.slices))
            else:
                yield from self._listen(claim.next_due)

    def _claim(self):
        return self.verbs.claim(self.free_calls, PARCEL, self.delay.seconds)

    def _publish(self, parcel):
        self.free_parcels -= 1
        self.free_calls -= sum(part.parallel for part in parcel)
        self.waiting |= {part.lease: part for part in parcel}
        if self.world.happens("publish_fails"):
            parcel = self._arrived(parcel)
            self._release(parcel)
            leases = [part.lease for part in parcel]
            yield from self._ask(lambda: self.verbs.give_back(leases), patient=False)
            return
        for _ in range(2 if self.world.happens("message_doubled") else 1):
            if self.world.happens("message_lost"):
                self.kernel.spawn(self._forget(parcel), self, after=self.faults.forget)
            else:
                self.kernel.spawn(self._run(parcel), self, after=self.world.queue_delay())
        yield self.world.way()

    def _forget(self, parcel):
        self._release(self._arrived(parcel))
        yield from ()

    def _listen(self, next_due):
        patience = POLL if next_due is None else min(POLL, round(next_due * MICRO))
        if patience <= SOON:
            yield patience
            return
        rung = self.world.bell.listen(self)
        if rung is not None:
            yield rung, patience
            self.world.bell.leave(self)

    def _pulse(self):
        while True:
            overdue = yield from self._ask(self.verbs.beat, patient=False)
            if overdue is not LOST and overdue.reap:
                yield from self._ask(self.verbs.reap, patient=False)
            if overdue is not LOST and overdue.tick:
                yield from self._ask(self.verbs.tick, patient=False)
            yield BEAT

    # A parcel, from its arrival to its end.

    def _arrived(self, parcel):
        """Those of its slices that wait for it: the second copy of a message finds none."""
        if "runs doubled messages" in self.world.flaws:
            for part in parcel:
                self.waiting.pop(part.lease, None)
            return parcel
        return [part for part in parcel if self.waiting.pop(part.lease, None) is not None]

    def _release(self, parcel):
        if parcel:
            self.free_parcels += 1
            self.free_calls += sum(part.parallel for part in parcel)
            self.changed.pulse(self.kernel)

    def _run(self, parcel):
        parcel = self._arrived(parcel)
        if not parcel:
            return
        leases = [part.lease for part in parcel]
        asked_at = self.kernel.now
        self.busy += 1
        if "sends before it begins" in self.world.flaws:
            self.world.call(self, parcel[0], [parcel[0].ranges[0][0]], 1, 0)
        reached = reach(self.world, parcel)
        answers = yield from self._ask(lambda: self.verbs.begin(leases, reached))
        runs = []
        for part, answer in zip(parcel, answers, strict=True):
            if isinstance(answer, Begun):
                self.delay.learn(answer.since_claim / MICRO)
                runs.append(self._take_up(shortened(part, reached), answer, asked_at))
        while runs:
            yield runs[0].done, SETTLE_EVERY
            yield from self._settle(runs)
            runs = [run for run in runs if not run.settled]
        self.busy -= 1
        self._release(parcel)

    def _take_up(self, part, begun, asked_at):
        window = Clocks().window(begun, asked_at / MICRO, self.kernel.now / MICRO)
        self.world.excuse(part, self.kernel.now - asked_at)
        items = list(indexes(part.ranges))
        known = {index for index, fact in begun.known.items() if fact.same}
        run = Run(part, begun, window, deque(), set(items), 0, known)
        for index in items:
            if index in known:
                run.finished.append((index, "known", 0))
            elif part.step == LOOK:
                run.unsent.append(index)
        to_call = [index for index in items if index not in known and part.step != LOOK]
        run.turns = deque(turns(self.world, run, to_call))
        run.lanes = min(part.parallel, len(run.turns))
        if not run.turns:
            run.done.give(self.kernel)
        for _ in range(run.lanes):
            self.kernel.spawn(self._lane(run), self)
        return run

    def _lane(self, run):
        while run.turns:
            items, place, offset = run.turns.popleft()
            instant = run.window.instant(offset)
            ahead = round(instant * MICRO) - self.kernel.now
            if ahead > 0 and not run.halted:
                yield ahead
            missed = run.window.missed(instant, self.kernel.now / MICRO)
            if run.halted or (
                missed and "calls without looking at the time" not in self.world.flaws
            ):
                run.unsent.extend(items)
            else:
                yield from self._call(run, items, place)
        run.lanes -= 1
        if run.lanes == 0:
            run.done.give(self.kernel)

    def _call(self, run, items, place):
        part, started = run.part, self.kernel.now
        spared = self.world.rotations.spare(part, items[0]) if part.kind == KIND else None
        if spared is not None:
            return run.finished.append((items[0], spared, 0))
        answer = self.world.call(self, part, items, int(run.begun.app_version or 0), place)
        call = OnWire(part.app)
        self.out.append(call)
        yield answer.latency
        self.out.remove(call)
        if call.counts:
            self.world.backend.ends(part.app)
        run.halted = run.halted or answer.word in ("throttled", "auth")
        took = self.kernel.now - started
        run.finished.append((items[0], answer.word, took))
        run.finished.extend((index, answer.word, None) for index in items[1:])

    def _settle(self, runs):
        news = [run for run in runs if run.done.given or run.finished or run.unsent]
        reports = [self._report(run) for run in news]
        if not reports:
            return
        yield from self._ask(lambda: self.verbs.settle(reports))
        if self.world.happens("settled_again_late"):
            longest = self.world.chance.choice((0.3, 20.0))
            later = self.kernel.now + round(self.world.chance.uniform(0, longest) * MICRO)
            self.kernel.at(later, lambda: self.verbs.settle(reports))

    def _report(self, run):
        part, done = run.part, run.done.given
        run.seq = 1 if "counts no reports" in self.world.flaws else run.seq + 1
        told = Report(part.lease, part.app, part.job, run.seq, last=done)
        took = []
        while run.finished:
            index, word, micros = run.finished.popleft()
            run.left.discard(index)
            if word not in NO_CALL and micros is not None:
                took.append(micros)
            counted = told.throttled, told.troubled
            if part.kind == KIND:
                self.world.rotations.fold(told, run, index, word)
            else:
                fold(self.world, told, run, index, word)
            if micros is None:
                # It shared another item's call.
                told.throttled, told.troubled = counted
        while run.unsent:
            told.back.append(run.unsent.popleft())
            run.left.discard(told.back[-1])
        told.calls = len(took)
        told.latency = max(1, round(sum(took) / len(took))) if took else 0
        told.left = write_ranges(run.left)
        run.settled = done
        return told
