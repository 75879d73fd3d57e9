"""The verbs of the product, each answer of which the model hears at once; and the bell."""

from collections import deque

from bulkhead.engine.verbs import Verbs
from tests.simulation.kernel import Signal


class Watched:
    """One worker's verbs: asked at the present time, answered at once, and judged."""

    def __init__(self, engine, name):
        self._engine = engine
        self._model = engine.model
        self._verbs = Verbs(engine.scripts, name, cell="main", egress="default")
        self.name = name

    def claim(self, slots, room, delay):
        claim = self._verbs.claim(slots, room, delay)
        self._model.claimed(self.name, slots, room, claim, delay)
        return self._after("claim", claim)

    def begin(self, leases, reach):
        answers = self._verbs.begin(leases, reach=reach)
        self._model.began(self.name, leases, answers, reach)
        return self._after("begin", answers)

    def settle(self, reports):
        answers = self._verbs.settle(reports)
        self._model.settled(self.name, reports, answers)
        return self._after("settle", answers)

    def give_back(self, leases):
        returned = self._verbs.give_back(leases)
        self._model.gave_back(self.name, leases, returned)
        return self._after("give_back", returned)

    def beat(self):
        overdue = self._verbs.beat({"slots": str(self._engine.slots)})
        self._model.beat(self.name)
        return self._after("beat", overdue)

    def leave(self):
        self._verbs.leave()
        self._model.leave(self.name)
        return self._after("leave", None)

    def reap(self):
        dead, ended = self._verbs.reap()
        self._engine.on_dead(dead)
        self._model.reaped(dead, ended)
        return self._after("reap", None)

    def tick(self):
        ticked = self._verbs.tick()
        for job, _ in ticked.timed_out:
            self._model.jobs[job].over = True
            self._model.touch(job)
        self._engine.on_tick()
        return self._after("tick", ticked)

    def _after(self, verb, answer):
        self._engine.after(verb)
        return answer


class Engine:
    """All verbs of all workers, on one store."""

    def __init__(self, scripts, model, on_dead, on_tick, after):
        self.scripts = scripts
        self.model = model
        self.on_dead = on_dead
        self.on_tick = on_tick
        self.after = after
        self.slots = 24
        """Lanes that each worker says it has."""

    def verbs(self, name):
        return Watched(self, name)


class Bell:
    """Who waits longest for the bell gets its token, as BLPOP does it."""

    def __init__(self, redis, name, kernel, loses):
        self._redis, self._name, self._kernel = redis, name, kernel
        self._loses = loses
        self._waiting = deque()

    def listen(self, worker):
        """A signal to wait for; None where the bell has rung already."""
        if self._redis.lpop(self._name) is not None and not self._loses():
            return None
        signal = Signal()
        self._waiting.append((worker, signal))
        return signal

    def leave(self, worker):
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not worker)

    def idle(self):
        """Who listens now, awake."""
        now = self._kernel.now
        return [worker for worker, _ in self._waiting if worker.thaw <= now]

    def hear(self):
        """Give a token to who waits for one."""
        if not self._waiting or self._redis.lpop(self._name) is None or self._loses():
            return
        _, signal = self._waiting.popleft()
        signal.give(self._kernel)
