"""Workers on the virtual clock: they claim, call a backend that a test invents, and settle."""

import heapq
import itertools

from bulkhead.model.ranges import indexes, write_ranges
from bulkhead.model.slice import Begun
from tests.fakes.engine import START, SUCCEEDED, report

LATE = 50_000
SETTLE_EVERY = 250_000
WAITS = (250_000, 1_000_000, 4_000_000, 16_000_000)


class Traffic:
    """Runs workers of so many slots against `answer(app, seconds since the start)`.

    An answer is a word and the seconds until it comes: `ok`, `throttled` (with a third value
    for Retry-After) or `troubled`. Every call is kept in `calls` as (second, app, job, word).
    """

    def __init__(self, world, answer, workers=("w1",), slots=24, delay=0.0):
        self.world = world
        self.answer = answer
        self.slots = slots
        self.delay = delay
        self.free = dict.fromkeys(workers, slots)
        self.calls = []
        self._events = []
        self._order = itertools.count()
        self._wake = dict.fromkeys(workers, -1)
        for name in workers:
            world.worker(name)
        self._pulse()

    def run(self, until):
        """Let time pass to this second; what is to happen in between happens."""
        for name in self.free:
            self.at(self.world.now, self._claim, name)
        end = START + round(until * 1e6)
        while self._events and self._events[0][0] <= end:
            instant, _, act, *about = heapq.heappop(self._events)
            self.world.reach(instant)
            act(*about)
        self.world.advance(max(0, end - self.world.now) / 1e6)
        return self

    def at(self, instant, act, *about):
        heapq.heappush(self._events, (round(instant), next(self._order), act, *about))

    def later(self, second, act, *about):
        """Do something at this second since the start."""
        self.at(START + second * 1e6, act, *about)

    def said(self, word=None, app=None, job=None, since=0.0, until=float("inf")):
        """The seconds of the calls that were answered so."""
        return [
            at
            for at, whose, of, what in self.calls
            if since <= at < until
            and word in (None, what)
            and app in (None, whose)
            and job in (None, of)
        ]

    def _pulse(self):
        for name in self.free:
            self.world.worker(name).beat({"slots": str(self.slots)})
        self.world.worker(next(iter(self.free))).reap()
        self.at(self.world.now + 1e6, self._pulse)
        for name in self.free:
            self.at(self.world.now, self._claim, name)

    def _claim(self, name, woken=False):
        if woken and self._wake[name] != self.world.now:
            return
        due = None
        while self.free[name] > 0:
            claim = self.world.worker(name).claim(self.free[name], 50, self.delay)
            due = claim.next_due
            if not claim.slices:
                break
            for part in claim.slices:
                self.free[name] -= part.parallel
                self.at(self.world.now + self.delay * 0.5e6, Call.begin, self, part, name)
        if due is not None:
            self._wake[name] = self.world.now + max(1_000, round(due * 1e6))
            self.at(self._wake[name], self._claim, name, True)
        self.hear()

    def hear(self):
        """Whoever listens to the bell and has a free slot answers it."""
        listening = [name for name, free in self.free.items() if free > 0]
        if listening and self.world.redis.lpop(self.world.worker(listening[0]).bell):
            self.at(self.world.now, self._claim, max(listening, key=self.free.get))

    def release(self, name, lanes):
        if lanes:
            self.free[name] += lanes
            self.at(self.world.now, self._claim, name)


class Call:
    """One slice while its calls are made, on as many lanes as it was granted."""

    def __init__(self, traffic, part, worker):
        self.traffic = traffic
        self.part = part
        self.worker = worker
        self.lanes = part.parallel
        self.open = set(indexes(part.ranges))
        self.out = {}
        self.news = []
        self.unsent = []
        self.halted = False
        self.seq = 0
        self.told_waits = 0

    @classmethod
    def begin(cls, traffic, part, worker):
        granted = traffic.world.now - traffic.delay * 0.5e6
        if not isinstance(traffic.world.begin(part, worker), Begun):
            traffic.release(worker, part.parallel)
            return
        self = cls(traffic, part, worker)
        instants = [granted + offset for offset in part.offsets]
        self.turns = list(zip(indexes(part.ranges), instants, strict=True))[::-1]
        self.busy = part.parallel
        for _ in range(part.parallel):
            self.turn()
        traffic.at(traffic.world.now + SETTLE_EVERY, self.tick)

    def turn(self):
        while self.turns:
            item, instant = self.turns.pop()
            if not self.halted and self.traffic.world.now <= instant + LATE:
                self.traffic.at(max(instant, self.traffic.world.now), self.start, item)
                return
            self.unsent.append(item)
        self.busy -= 1
        if self.busy == 0:
            self.settle()

    def start(self, item):
        if self.halted:
            self.unsent.append(item)
            self.turn()
            return
        now = self.traffic.world.now
        word, seconds, *more = self.traffic.answer(self.part.app, (now - START) / 1e6)
        self.out[item] = now
        self.traffic.calls.append(((now - START) / 1e6, self.part.app, self.part.job, word))
        self.traffic.at(now + seconds * 1e6, self.end, item, word, seconds, *more)

    def end(self, item, word, seconds, after=0):
        self.out.pop(item)
        self.news.append((item, word, seconds, after))
        self.halted = self.halted or word == "throttled"
        self.turn()

    def tick(self):
        if self.busy == 0:
            return
        if self.news or self.unsent or self.waiting():
            self.settle()
        self.traffic.at(self.traffic.world.now + SETTLE_EVERY, self.tick)

    def waiting(self):
        age = self.traffic.world.now - min(self.out.values(), default=self.traffic.world.now)
        passed = sum(age >= wait for wait in WAITS)
        if passed <= self.told_waits:
            return 0
        self.told_waits = passed
        return age

    def settle(self):
        self.seq += 1
        waiting = self.traffic.world.now - min(self.out.values(), default=self.traffic.world.now)
        ended = {word: [] for word in ("ok", "throttled", "troubled")}
        for item, word, *_ in self.news:
            ended[word].append(item)
        self.open -= {item for item, *_ in self.news} | set(self.unsent)
        told = report(self.part, {SUCCEEDED: ended["ok"]}, seq=self.seq, last=self.busy == 0)
        told.again, told.back, told.left = ended["throttled"], self.unsent, write_ranges(self.open)
        first = self.traffic.world.now // 1000
        told.retries = [(item, 100_000, 1, first, "") for item in ended["troubled"]]
        told.throttled, told.troubled = len(ended["throttled"]), len(ended["troubled"])
        told.after = max((round(after * 1e6) for *_, after in self.news), default=0)
        told.calls = len(self.news)
        taken = [seconds for _, _, seconds, _ in self.news]
        told.latency = max(1, round(sum(taken) / len(taken) * 1e6)) if taken else 0
        told.waiting = waiting if waiting >= WAITS[0] else 0
        told.lanes = self.busy
        self.news, self.unsent = [], []
        assert self.traffic.world.settle(told, self.worker).verdict == "ok"
        freed, self.lanes = self.lanes - self.busy, self.busy
        self.traffic.release(self.worker, freed)
        self.traffic.hear()
