"""A backend that never was: it answers as told, and remembers every call with its time."""

from collections import Counter, defaultdict, namedtuple
from dataclasses import dataclass, field

from tests.simulation.kernel import MICRO, require

LATE = 50_000
"""Microseconds that a permit may be used after its instant."""
OBEYED = 2 * MICRO
"""Microseconds from a pause or a cancel in which a call may still start."""

Answer = namedtuple("Answer", "word executed latency after", defaults=(0,))


@dataclass
class Bucket:
    """True to its rate as long as no window holds more than rate × window + room."""

    rate: float
    room: float
    level: float = 0.0
    at: int = 0

    def take(self, now):
        """Count one call; how far the bucket is over."""
        self.level = max(0.0, self.level - self.rate * (now - self.at) / MICRO) + 1
        self.at = now
        return self.level - self.room


@dataclass
class Service:
    """How the backend answers one app."""

    rate: float
    burst: int
    cap: int
    latency: int = 50_000
    spread: float = 0.3
    odds: dict = field(default_factory=dict)
    """Word → how likely: refused, unsent, lost, broken (5xx), throttled, hangs."""
    storms: list = field(default_factory=list)
    """(from, until) in which everything is answered with 429."""
    accepts: int | None = None
    """The version of the token that is accepted; None: any."""
    limit: Bucket | None = None
    """What the backend itself bears; above it stands 429."""
    wire: int = 0
    changes: int = 0
    most: Bucket = None
    lenient_until: int = 0
    calls: int = 0
    first_at: int = 0
    last_at: int = 0


class Backend:
    """Holds every call against the limits that it knows of the app."""

    def __init__(self, kernel, chance, slack):
        self._kernel = kernel
        self._chance = chance
        self.slack = slack
        self.services = {}
        self.executed = set()
        self.by_tenant = Counter()
        self.words = Counter()
        self.first_call = {}
        self.of_app = defaultdict(list)

    def add(self, app, service):
        self.services[app] = service
        self._measure(service, service.rate, service.burst)

    def change(self, app, rate, burst, cap):
        """The app's limits are others now; what was granted before may still come."""
        service = self.services[app]
        now = self._kernel.now
        looser = max(rate, service.most.rate), max(burst, service.burst)
        self._measure(service, *looser)
        service.lenient_until = now + 45 * MICRO
        service.rate, service.burst = rate, burst
        service.cap = cap
        service.changes += 1
        change = service.changes

        def settle_down():
            if service.changes == change:
                self._measure(service, service.rate, service.burst)

        self._kernel.at(now + 3 * MICRO, settle_down)

    def excuse(self, app, late):
        """Calls of this app may be later by so much than their permits."""
        service = self.services[app]
        service.most.room += service.most.rate * late / MICRO

    def _measure(self, service, rate, burst):
        # How late a call may be: by the permit's own rule, and by the way to the store and back.
        room = burst + rate * (LATE + self.slack) / MICRO + 1e-6
        level, at = (service.most.level, service.most.at) if service.most else (0.0, 0)
        service.most = Bucket(rate, max(room, level), level, at)

    def receive(self, app, job, items, step, repeat, *, token):
        """What this call for one or several items comes to; checks that it may be made at all."""
        service, now = self.services[app], self._kernel.now
        over = service.most.take(now)
        require(over <= 0, "rate", app, f"{over:.3f} calls above rate and burst")
        service.wire += 1
        if now > service.lenient_until:
            require(service.wire <= service.cap, "cap", app, service.wire, "on the wire")
        service.calls += 1
        service.first_at = service.first_at or now
        service.last_at = now
        self.by_tenant[app.split("/")[0]] += 1
        self.first_call.setdefault(job, now)
        calls = {(job, index, step) for index in items}
        if repeat == "once":
            again = calls & self.executed
            require(not again, "once", *again, "was made and is made again")
        # A step that may not be repeated asks nothing, whatever its name.
        first = (job, items[0], "") if (step, repeat) == ("read_back", "safe") else None
        answer = self._answer(service, token, first)
        self.words[answer.word] += 1
        if answer.executed:
            self.executed |= calls
        return answer

    def ends(self, app):
        """The call is off the wire."""
        self.services[app].wire -= 1

    def _answer(self, service, token, asked_for):
        chance = self._chance
        latency = max(200, round(service.latency * (1 + chance.uniform(-1, 1) * service.spread)))
        if service.accepts is not None and token < service.accepts:
            return Answer("auth", False, latency)
        if any(begin <= self._kernel.now < end for begin, end in service.storms):
            return Answer("throttled", False, latency)
        if service.limit is not None and service.limit.take(self._kernel.now) > 0:
            service.limit.level -= 1
            return Answer("throttled", False, latency)
        drawn = chance.random()
        for word, odds in service.odds.items():
            if drawn < odds:
                return self._trouble(word, latency)
            drawn -= odds
        if asked_for is not None:
            return Answer("done" if asked_for in self.executed else "absent", False, latency)
        return Answer("done", True, latency)

    def _trouble(self, word, latency):
        if word == "hangs":
            return Answer("lost", self._chance.random() < 0.5, 30 * MICRO)
        if word in ("lost", "broken"):
            return Answer(word, self._chance.random() < 0.5, latency)
        if word == "slow":
            return Answer("done", True, latency * 40)
        return Answer(word, False, latency)
