"""Virtual time: threads of simulated processes, each a generator, and the queue that wakes them."""

import heapq
from collections import deque

MICRO = 1_000_000


class Violation(AssertionError):
    """An invariant does not hold; its name comes first."""

    def __init__(self, invariant, told=""):
        super().__init__(f"{invariant}: {told}")
        self.invariant = invariant


def require(holds, invariant, *told):
    """Raises Violation unless it holds."""
    if not holds:
        raise Violation(invariant, " ".join(map(str, told)))


class Signal:
    """What a thread can wait for until somebody gives it."""

    def __init__(self):
        self.waiting = deque()
        self.given = False

    def give(self, kernel):
        """Wake all who wait now, and all who come later."""
        self.given = True
        while self.waiting:
            kernel.wake(*self.waiting.popleft(), True)

    def pulse(self, kernel):
        """Wake all who wait now."""
        waiting, self.waiting = self.waiting, deque()
        for entry in waiting:
            kernel.wake(*entry, True)


class Thread:
    """A generator that yields microseconds to sleep, or (signal, most microseconds to wait)."""

    __slots__ = ("body", "owner", "turn")

    def __init__(self, body, owner):
        self.body = body
        self.owner = owner
        self.turn = 0


class Kernel:
    """Runs threads in the order of virtual time; ties in the order in which they were asked for."""

    def __init__(self, start):
        self.now = start
        self.steps = 0
        self.last_action = start
        self._queue = []
        self._number = 0

    def spawn(self, body, owner=None, after=0):
        """Start a thread. It never wakes while its owner is frozen, nor after its owner's death."""
        self._put(self.now + after, Thread(body, owner), 0, None)

    def at(self, when, action):
        """Call `action` at that time."""
        self.last_action = max(self.last_action, when)

        def once():
            action()
            yield from ()

        self._put(when, Thread(once(), None), 0, None)

    def wake(self, thread, turn, value):
        """Let a thread that waits go on, unless it has gone on since."""
        if thread.turn == turn:
            self._put(self.now, thread, turn, value)

    def step(self):
        """Run what is next; False where nothing is left."""
        while self._queue:
            when, _, thread, turn, value = heapq.heappop(self._queue)
            owner = thread.owner
            if turn != thread.turn or (owner is not None and not owner.alive):
                continue
            self.now = max(self.now, when)
            if owner is not None and owner.thaw > self.now:
                self._put(owner.thaw, thread, turn, value)
                continue
            self.steps += 1
            self._resume(thread, value)
            return True
        return False

    def next_at(self):
        """When the next thread wakes; None where none will."""
        return self._queue[0][0] if self._queue else None

    def _resume(self, thread, value):
        thread.turn += 1
        try:
            wanted = thread.body.send(value)
        except StopIteration:
            return
        if isinstance(wanted, tuple):
            signal, most = wanted
            if signal.given:
                self._put(self.now, thread, thread.turn, True)
                return
            signal.waiting.append((thread, thread.turn))
            wanted = most
        self._put(self.now + max(0, wanted), thread, thread.turn, False)

    def _put(self, when, thread, turn, value):
        self._number += 1
        heapq.heappush(self._queue, (when, self._number, thread, turn, value))
