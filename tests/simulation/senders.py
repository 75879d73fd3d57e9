"""Keepers of real-time sessions, which come and go, and what a message is held against."""

from bulkhead.engine.sessions import SenderId, Sessions, State
from tests.simulation.backend import LATE, Bucket
from tests.simulation.kernel import MICRO, require

LEASE, RENEWED = 10 * MICRO, 2 * MICRO
SLACK = 40_000
"""Microseconds by which a sender that was served late may make up."""
NAMES = ("news", "help")


class Senders:
    """One keeper a sender, each a worker of its own; the senders of an app have its one rate."""

    def __init__(self, world, slack):
        self._world, self._kernel = world, world.kernel
        self._sessions = Sessions(world.scripts)
        self._open, self._until, self._buckets = {}, {}, {}
        self.settled = False
        """True from when on every session stays online."""
        for app, rate in world.scenario.senders.items():
            for name in NAMES:
                who = SenderId(app, name)
                room = 1 + rate * (LATE + SLACK + slack) / MICRO + 1e-6
                self._buckets[who] = Bucket(rate, room)
                world.kernel.spawn(self._keep(who))

    def granted(self, job):
        """A slice of a job was claimed. Raises Violation while its session is not online."""
        if not job.sender:
            return
        who = SenderId(job.app, job.sender)
        online = self._open.get(who) and self._until[who] > self._kernel.now
        require(online, "no message without a session", job.name, *who)

    def sent(self, job):
        """A message goes out. Raises Violation above the sender's own rate."""
        if not job.sender:
            return
        over = self._buckets[SenderId(job.app, job.sender)].take(self._kernel.now)
        require(over <= 0, "a sender's rate", job.app, job.sender, f"{over:.3f} above it")

    def excuse(self, part, late):
        """Messages of a slice may be later by so much than their permits."""
        job = self._world.model.jobs[part.job]
        if job.sender:
            bucket = self._buckets[SenderId(job.app, job.sender)]
            bucket.room += bucket.rate * late / MICRO

    def _keep(self, who):
        chance, worker = self._world.chance, 0
        yield chance.randrange(3 * MICRO)
        while True:
            name = f"{who.sender} of {who.app}, {worker}"
            if not self._sessions.acquire(who, name):
                require(self._until[who] > self._kernel.now, "one has a session", *who)
                yield MICRO
                continue
            yield from self._hold(who, name)
            # By its release, by its last word, or by a death of which nobody tells.
            end = chance.randrange(3)
            if end == 0:
                self._sessions.release(who, name, State(chance.choice(("closed", "failed"))))
                self._open[who], self._until[who] = False, 0
            elif end == 1:
                self._say(who, name, "offline")
            worker += 1
            yield chance.randrange(200_000, 2 * MICRO)

    def _hold(self, who, name):
        for _ in range(self._world.chance.randrange(1, 5)):
            self._say(who, name, "online")
            yield self._world.chance.randrange(100_000, RENEWED)
        while self.settled:
            self._say(who, name, "online")
            yield RENEWED

    def _say(self, who, name, state):
        require(not self._sessions.renew(name, {who: State(state)}), "held by its keeper", *who)
        self._open[who], self._until[who] = state == "online", self._kernel.now + LEASE
        self._world.bell.hear()
