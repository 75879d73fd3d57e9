"""A world around the engine: a real store, real scripts, and time that moves when told to."""

import itertools
from pathlib import Path

from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.model.app import AppSettings
from bulkhead.model.batch import Batch
from bulkhead.model.job import JobState
from bulkhead.model.ranges import indexes, parse_ranges, write_ranges
from bulkhead.model.slice import Begun, Report
from bulkhead.model.user import problem_of
from bulkhead.model.waves import SEVERAL, Waves

VIRTUAL_CLOCK = Path(__file__).parent / "clock_virtual.lua"
START = 1_900_000_000_000_000
PENDING, SENT, SUCCEEDED, SKIPPED, FAILED, UNKNOWN = range(6)
COUNTED = {SUCCEEDED: "succeeded", SKIPPED: "skipped", FAILED: "failed", UNKNOWN: "unknown"}


class Timed(Scripts):
    """The scripts of a world: the store hears what time it is by then before the next one runs."""

    moved = None

    def _script(self, verb):
        if self.moved is not None:
            self.redis.set(self.key("test-clock"), self.moved)
            self.moved = None
        return super()._script(verb)


class World:
    """One store with tenants, apps, jobs and workers, at a time of its own."""

    TOKEN = SealedToken("box", "1234", "f00d")

    def __init__(self, redis, scripts=Timed):
        self.redis = redis
        self.scripts = scripts(redis, clock=VIRTUAL_CLOCK)
        self.fleet = Fleet(self.scripts)
        self.jobs = Jobs(self.scripts, self.wall)
        self.workers = {}
        self._drafts = itertools.count(1)
        self.now = START
        self.advance(0)

    def wall(self):
        return self.now / 1e6

    def advance(self, seconds):
        """Let time pass, for whoever looks at the store."""
        self.now += round(seconds * 1e6)
        self.scripts.moved = None
        self.redis.set(self.key("test-clock"), self.now)

    def reach(self, instant):
        """Let it be that late, for the scripts of this world alone: no round trip for each call."""
        self.now = max(self.now, instant)
        self.scripts.moved = self.now

    def key(self, *parts):
        return self.scripts.key(*parts)

    def app(self, name="acme/shop", **settings):
        """Make an app, and its tenant where there is none. Returns its name."""
        tenant = name.split("/")[0]
        weight = settings.pop("tenant_weight", 1.0)
        if not self.redis.exists(self.key("tenant", tenant)):
            self.fleet.add_tenant(tenant, weight)
        settings = {"rate": 1e6, "burst": 1, "max_in_flight": 64, **settings}
        self.fleet.add_app(name, AppSettings("https://backend.example", **settings), self.TOKEN)
        return name

    def submit(self, items, app="acme/shop", *, refused=(), **request):
        """Make a job of so many items, those in `refused` bad from the start. Returns its id."""
        draft = self.draft(app, **request)
        self.fill(draft, items, refused)
        return draft.seal({"rows": items})

    def draft(self, app="acme/shop", **request):
        tenant, kind = app.split("/")[0], request.pop("kind", "users.import")
        asked = Request(
            kind,
            tenant,
            app,
            columns=["address"],
            mapping={"width": 1, "address": 0},
            **request,
        )
        # A millisecond each: ids made in the same one would be in an order drawn by lot.
        made = next(self._drafts) / 1000
        draft = Draft(self.scripts, asked, lambda: self.wall() + made)
        draft.open()
        return draft

    def submit_fleet(self, apps, ends, *, soak=0.0, rollback=False, **request):
        """Make a job with an item for each of these apps, in waves that end there. Its id."""
        made = next(self._drafts) / 1000
        asked = Request(
            request.pop("kind", "apps.check"),
            SEVERAL,
            "",
            mapping={"app": 0},
            waves=Waves(tuple(ends), soak, rollback),
            **request,
        )
        draft = Draft(self.scripts, asked, lambda: self.wall() + made)
        draft.take(Batch(range(1, len(apps) + 1), [[app] for app in apps], {}))
        return draft.seal({"rows": len(apps)})

    def fill(self, draft, items, refused=()):
        cells = [[f"user{index}"] for index in range(items)]
        bad = problem_of("ADDRESS_HAS_COMMA", "a comma")
        problems = {index: bad for index in range(items) if index in refused}
        draft.take(Batch(range(2, items + 2), cells, problems))

    def worker(self, name="w1", egress="default"):
        """The verbs of a worker, alive."""
        if name not in self.workers:
            self.workers[name] = Verbs(self.scripts, name, cell="main", egress=egress)
            self.workers[name].beat({})
        return self.workers[name]

    def claim(self, worker="w1", slots=64, items=50):
        return list(self.worker(worker).claim(slots, items).slices)

    def begin(self, part, worker="w1"):
        return self.worker(worker).begin([part.lease])[0]

    def begun(self, worker="w1", **claim):
        """Claim one slice and begin it."""
        (part,) = self.claim(worker, **claim)
        assert isinstance(self.begin(part, worker), Begun)
        return part

    def settle(self, report, worker="w1"):
        return self.worker(worker).settle([report])[0]

    def finish(self, part, state=SUCCEEDED, worker="w1", **facts):
        """Settle all items of a slice with one outcome."""
        return self.settle(report(part, {state: list(indexes(part.ranges))}, **facts), worker)

    def run_all(self, worker="w1", **claim):
        """Claim, begin and settle until nothing can be claimed now; the item numbers run."""
        ran = []
        while parts := self.claim(worker, **claim):
            for part in parts:
                if isinstance(self.begin(part, worker), Begun):
                    self.finish(part, worker=worker)
                    ran += [(part.job, index) for index in indexes(part.ranges)]
        return ran

    def counts(self, job):
        return self.jobs.get(job).counts

    def state(self, job):
        return self.jobs.get(job).state.value

    def app_now(self, app="acme/shop"):
        return text(self.redis.hgetall(self.key("app", app)))

    def map_of(self, job):
        """The state of every item, from the job's map."""
        return unpacked(self.jobs.states(job), self.counts(job).total)

    def redo(self, job):
        """The items that came back and wait to be claimed again."""
        entries = self.redis.lrange(self.key("job", job, "redo"), 0, -1)
        return items_of(range_of(entry) for entry in entries)

    def leases(self):
        """Every lease that the store holds, with its number as `id`."""
        ids = self.redis.zrange(self.key("lease"), 0, -1)
        pipe = self.redis.pipeline(transaction=False)
        for lease in ids:
            pipe.hgetall(self.key("lease", lease.decode()))
        return [
            {**text(raw), "id": lease.decode()}
            for lease, raw in zip(ids, pipe.execute(), strict=True)
        ]

    def audit(self, *jobs):
        """Count everything again from maps and leases, and hold the store to it.

        Returns the state of each job, and the state of each of its items.
        """
        leases = self.leases()
        apps = [name.decode() for name in self.redis.smembers(self.key("apps"))]
        pipe = self.redis.pipeline(transaction=False)
        for app in apps:
            pipe.hget(self.key("app", app), "held")
            pipe.zrange(self.key("app", app, "retry"), 0, -1)
        for job in jobs:
            pipe.hgetall(self.key("job", job))
            pipe.get(self.key("job", job, "map"))
            pipe.lrange(self.key("job", job, "redo"), 0, -1)
        answers = iter(pipe.execute())
        retries = []
        for app, held, waiting in zip(apps, answers, answers, strict=False):
            mine = [int(lease["parallel"]) for lease in leases if lease["app"] == app]
            assert int(held or 0) == sum(mine), app
            retries += [member.decode().split(":") for member in waiting]
        seen = {}
        for job, raw, packed, redo in zip(jobs, answers, answers, answers, strict=False):
            states = unpacked(packed, int(text(raw)["total"]))
            seen[job] = (text(raw)["state"], states)
            came_back = items_of(range_of(entry) for entry in redo)
            came_back += [int(index.split("@")[0]) for owner, index in retries if owner == job]
            mine = [lease for lease in leases if lease["job"] == job]
            audit_job(text(raw), states, came_back, mine)
        return seen


def audit_job(fields, states, came_back, leases):
    """One job's fields, item states, items that wait to run again, and leases agree."""
    counts = {name: int(fields.get(name, 0)) for name in COUNTED.values()}
    for state, name in COUNTED.items():
        assert states.count(state) == counts[name], name
    leased = items_of(lease["left"] for lease in leases)
    assert len(leased) == len(set(leased)), "an item in two leases"
    in_flight = items_of(lease["left"] for lease in leases if lease["state"] == "begun")
    assert len(in_flight) == int(fields.get("in_flight", 0))
    assert sum(counts.values()) + len(in_flight) <= len(states)
    if not JobState(fields["state"]).terminal:
        untouched = range(int(fields["next"]), len(states))
        places = leased + came_back + [i for i in untouched if states[i] == PENDING]
        still_open = [i for i, state in enumerate(states) if state in (PENDING, SENT)]
        assert sorted(places) == still_open, "an item is lost, or can be claimed twice"


def unpacked(packed, total):
    """The state of each item, from a map of four bits an item."""
    return [packed[i // 2] >> 4 if i % 2 == 0 else packed[i // 2] & 15 for i in range(total)]


def range_of(entry):
    """The items of an entry of the redo list, without their deaths and their step."""
    return entry.decode().split("@")[0].split("/")[0]


def items_of(ranges):
    return [index for text in ranges for index in indexes(parse_ranges(text))]


def text(raw):
    return {name.decode(): value.decode() for name, value in raw.items()}


def report(part, states=None, *, seq=1, last=True, **facts):
    """What a worker reports of a slice; whatever is not named is left open."""
    facts = {"calls": 1, "latency": 50_000, **facts}
    told = Report(part.lease, part.app, part.job, seq, last=last, states=states or {}, **facts)
    for state, items in told.states.items():
        told.rows += [
            [index, state, "", "", "", {}, 1, START // 1000, START // 1000] for index in items
        ]
    closed = {i for items in told.states.values() for i in items} | {*told.back, *told.again}
    closed |= {retry[0] for retry in told.retries}
    told.left = write_ranges(set(indexes(part.ranges)) - closed)
    return told
