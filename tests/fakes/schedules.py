"""Schedules in a store under a clock that tests move, and whoever fires them."""

from datetime import UTC, datetime

from bulkhead.engine.draft import Draft
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.kept_rows import keep
from bulkhead.engine.request import Request
from bulkhead.engine.schedules import Schedules
from bulkhead.firing import Firings
from bulkhead.model.batch import Batch
from bulkhead.model.cron import Cron
from bulkhead.model.job import JobState
from bulkhead.model.schedule import Ordered, Rules
from bulkhead.settings import Settings
from tests.fakes.engine import World
from worker.scheduler import Scheduler

APP = "acme/shop"


class Calendar(World):
    """A world with one app, schedules of it, and one scheduler, `w1`."""

    def __init__(self, redis):
        super().__init__(redis)
        self.app(APP)
        self.schedules = Schedules(self.scripts)
        self.scheduler = self.another("w1")

    def another(self, worker):
        return Scheduler(self.scripts, worker, Settings(), clock=lambda: 0.0)

    def firings(self, reread=None):
        return Firings(self.scripts, reread)

    def to(self, instant):
        """Set the clock: Unix seconds, or text in UTC."""
        if isinstance(instant, str):
            instant = datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp()
        self.advance(instant - self.wall())

    def schedule(self, name="weekly", cron="0 9 * * *", zone="UTC", items=2, **told):
        """Make a schedule that imports so many people, exact unless told otherwise."""
        audience, window = told.pop("audience", ""), told.pop("window", "")
        rules = Rules(Cron(cron, zone), **{"exact": True, **told})
        order = Ordered(APP, "users.import", ["users", "import"], audience, {"rows": items})
        kept = None if audience else self.kept(items, window)
        return self.schedules.create(f"acme/{name}", rules, order, self.wall(), kept)

    def kept(self, items, window=""):
        asked = Request(
            "users.import",
            "acme",
            APP,
            columns=["address"],
            mapping={"width": 1, "address": 0},
            labels={"source": "hr"},
            window=window,
        )
        draft = Draft(self.scripts, asked)
        draft.open()
        cells = [[f"user{index}"] for index in range(items)]
        draft.take(Batch(range(2, items + 2), cells, {}))
        return keep(draft, {"rows": items})

    def look(self):
        """Fire all that is due; how often the scheduler looked for it."""
        looks = 1
        while not self.scheduler.look():
            looks += 1
        return looks

    def show(self, name="weekly"):
        return self.schedules.get(f"acme/{name}")

    def told(self, name="weekly"):
        """What became of its last instants, the oldest first: (UTC, outcome)."""
        return [(utc(one.instant), one.outcome) for one in reversed(self.show(name).firings)]

    def made(self):
        """All jobs that were accepted, the oldest first; drafts of the dead are none."""
        found = Jobs(self.scripts, self.wall).newest()[::-1]
        return [job for job in found if job.state is not JobState.VALIDATING]

    def keys(self):
        """The idempotency keys of all jobs, in order."""
        return sorted(job.idempotency_key for job in self.made())


def utc(instant):
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M")
