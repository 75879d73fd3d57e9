"""What the model knows of a lease, a job and an app."""

from dataclasses import dataclass, field

from bulkhead.model.ranges import indexes, parse_ranges
from tests.simulation.kernel import require


@dataclass(eq=False)
class Lease:
    """What the store has promised a worker."""

    id: str
    worker: str
    job: str
    app: str
    step: str
    repeat: str
    parallel: int
    items: set
    at: int
    deaths: int
    begun: bool = False
    seq: int = 0
    ends: int = 0
    instants: dict = field(default_factory=dict)
    """Item → when its call may start; of a joined lease by the place of the call."""
    join: int = 1
    order: list = field(default_factory=list)
    """Its items as they were granted."""
    permits: int = 0
    """Those that no report has told of as used."""
    doubt: int = 0
    """Microseconds by which its worker may be wrong about that."""

    def unused(self, report):
        """The permits that a report gives back."""
        if self.join == 1:
            self.permits -= len(self.items) - len(set(indexes(parse_ranges(report.left))))
            return len(report.back) + report.free
        self.permits -= report.calls
        require(self.permits >= 0, "a call a permit", self.id, self.permits)
        return self.permits if report.last else 0


@dataclass(eq=False)
class ModelJob:
    """One job: where each of its items is."""

    name: str
    app: str
    repeats: dict
    total: int
    deadline: int | None
    final: dict
    leased: dict = field(default_factory=dict)
    due: dict = field(default_factory=dict)
    steps: dict = field(default_factory=dict)
    deaths: dict = field(default_factory=dict)
    suspects: dict = field(default_factory=dict)
    """How many workers had died before an item first died alone."""
    paused: bool = False
    budget: bool = False
    over: bool = False
    state: str = ""
    nobody_looked: set = field(default_factory=set)
    """Items that were sent, and of which nobody could or was left to say whether they were done."""
    poison: set = field(default_factory=set)
    """Items whose call ends the worker that makes it."""
    after_loss: dict = field(default_factory=dict)
    """Step → at which one an item goes on that was lost at it, where not at "read_back"."""
    hours: tuple = ()
    """When its calls may start: (first, last) microseconds; none if always."""
    sender: str = ""
    """In whose name its messages go out; empty where its calls need no session."""
    alike: int = 1
    """So many items that follow each other may share a call."""

    @property
    def apps(self):
        return (self.app,)

    def closed_since(self, now):
        """When its window closed, 0 if it was not open yet; None while it is open."""
        if not self.hours or any(first <= now < last for first, last in self.hours):
            return None
        return max((last for _, last in self.hours if last <= now), default=0)

    def opens(self, now):
        """When its window opens next."""
        return min(first for first, _ in self.hours if first > now)

    def forgive(self, items):
        """Nobody died over these the last time."""
        for index in items:
            self.deaths.pop(index, None)

    def bundles(self, items, most):
        """These items as their calls carry them."""
        found = []
        for index in items:
            together = found and found[-1][0] // self.alike == index // self.alike
            if not together or len(found[-1]) == most:
                found.append([])
            found[-1].append(index)
        return found


@dataclass(eq=False)
class ModelApp:
    """One app: what it has out, and whether it may be called."""

    name: str
    tenant: str
    state: str = "active"
    held: int = 0
    granted: int = 0
    returned: int = 0
    lost: int = 0
    version: str = ""
    gone: bool = False
    slowed: bool = False
    """It has been slowed down or changed: it may be resting, or wait by another rate."""
