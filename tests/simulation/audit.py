"""What the store holds, against the model and against itself."""

from bulkhead.model.job import JobState
from bulkhead.model.slice import indexes, parse_ranges
from tests.fakes.engine import COUNTED, SENT, audit_job, items_of, range_of, text, unpacked
from tests.simulation.kernel import MICRO, require

OPEN = ("queued", "running")
AHEAD = 400_000
"""Microseconds: the longest that permits are granted ahead, and a little."""


class Audit:
    """Reads what the model says was touched, or all of it."""

    def __init__(self, redis, key, model):
        self._redis, self._key, self._model = redis, key, model

    def run(self, jobs, apps):
        """Raises Violation where anything is not as it must be."""
        leases = self._leases()
        raw_jobs, raw_apps = self._read(sorted(jobs), sorted(apps))
        retries = {}
        for app, fields, placed in raw_apps:
            self._app(app, fields, placed, leases)
            for member in placed["retry"]:
                job, _, index = member.decode().partition(":")
                retries.setdefault(job, []).append(int(index.split("@")[0]))
        for job, fields, packed, redo, placed in raw_jobs:
            self._job(self._model.jobs[job], fields, packed, redo, placed, leases, retries)

    def _leases(self):
        ids = [name.decode() for name in self._redis.zrange(self._key("lease"), 0, -1)]
        pipe = self._redis.pipeline(transaction=False)
        for name in ids:
            pipe.hgetall(self._key("lease", name))
        found = {}
        for name, raw in zip(ids, pipe.execute(), strict=True):
            found[name] = {**text(raw), "id": name}
        known = self._model.leases
        require(set(found) == set(known), "the store's leases", set(found) ^ set(known))
        for name, lease in known.items():
            kept = found[name]
            state = "begun" if lease.begun else "granted"
            require(kept["state"] == state, "state of a lease", name, kept["state"], state)
            left = set(indexes(parse_ranges(kept["left"])))
            require(left == lease.items, "what is left of a lease", name, left ^ lease.items)
        return found

    def _read(self, jobs, apps):
        pipe = self._redis.pipeline(transaction=False)
        for app in apps:
            self._ask_app(pipe, app)
        for job in jobs:
            pipe.hgetall(self._key("job", job))
            pipe.get(self._key("job", job, "map"))
            pipe.lrange(self._key("job", job, "redo"), 0, -1)
            pipe.zscore(self._key("app", self._model.jobs[job].app, "jobs"), job)
            pipe.zscore(self._key("wait"), f"p:{job}")
        answers = iter(pipe.execute())
        raw_apps = []
        for app in apps:
            fields = text(next(answers))
            names = ("jobs", "ready", "tenant", "wait", "retry", "retry_wait", "tenant_state")
            raw_apps.append((app, fields, {name: next(answers) for name in names}))
        raw_jobs = []
        for job in jobs:
            fields, packed, redo = text(next(answers)), next(answers), next(answers)
            raw_jobs.append((job, fields, packed, redo, (next(answers), next(answers))))
        return raw_jobs, raw_apps

    def _ask_app(self, pipe, app):
        tenant = self._model.apps[app].tenant
        pipe.hgetall(self._key("app", app))
        pipe.zcard(self._key("app", app, "jobs"))
        pipe.zscore(self._key("ready", "main", tenant), app)
        pipe.zscore(self._key("ready", "main"), tenant)
        pipe.zscore(self._key("wait"), f"a:{app}")
        pipe.zrange(self._key("app", app, "retry"), 0, -1)
        pipe.zscore(self._key("wait"), f"r:{app}")
        pipe.hget(self._key("tenant", tenant), "state")

    def _app(self, app, fields, placed, leases):
        mine = [lease for lease in leases.values() if lease["app"] == app]
        held = sum(int(lease["parallel"]) for lease in mine)
        require(int(fields.get("held", 0)) == held, "held", app, fields.get("held"), held)
        model = self._model.apps[app]
        for field, known in (("permits_granted", model.granted), ("permits_returned", model.returned)):
            require(int(fields.get(field, 0)) == known, field, app, fields.get(field), known)
        require(fields["state"] == model.state, "state of an app", app, fields["state"], model.state)
        if placed["retry"]:
            require(placed["retry_wait"] is not None, "retries are waited for", app)
        running = fields["state"] == "active" and placed["tenant_state"] == b"active"
        if not running or not placed["jobs"] or held >= int(fields["cap"]):
            require(placed["ready"] is None, "ready without work", app)
            return
        ready = placed["ready"] is not None and placed["tenant"] is not None
        require(ready or placed["wait"] is not None, "stranded app", app)
        if not ready and not mine:
            self._not_for_long(app, fields, placed["wait"])

    def _not_for_long(self, app, fields, wake):
        """With nothing out, an app waits for its next permit, or as long as it was told to rest."""
        now = self._model.now
        if "learned" in fields or float(fields.get("cool_until") or 0) > now:
            return
        longest = now + AHEAD + 2 * MICRO / float(fields["rate"])
        require(wake <= longest, "waits too long", app, f"{(wake - now) / MICRO:.3f} s")

    def _job(self, job, fields, packed, redo, placed, leases, retries):
        require("state" in fields, "a job is kept", job.name)
        states = unpacked(packed, job.total)
        settled = {index: state for index, state in enumerate(states) if state in COUNTED}
        require(settled == job.final, "what became of the items", job.name, settled.items() ^ job.final.items())
        came_back = items_of(range_of(entry) for entry in redo) + retries.get(job.name, [])
        mine = [lease for lease in leases.values() if lease["job"] == job.name]
        try:
            audit_job(fields, states, came_back, mine)
        except AssertionError as error:
            require(False, "conservation", job.name, fields["state"], str(error).split("\n")[0])
        state = JobState(fields["state"])
        if job.state and JobState(job.state).terminal:
            require(state.value == job.state, "the end is the end", job.name, job.state, state.value)
        job.state = state.value
        self._right_state(job, state, states, fields, bool(redo), placed)

    def _right_state(self, job, state, states, fields, redo, placed):
        in_flight = int(fields.get("in_flight", 0))
        all_settled = len(job.final) == job.total and in_flight == 0
        if state.terminal:
            job.over = True
            require(placed[0] is None, "an ended job is offered", job.name)
            if state.value.startswith("completed"):
                require(all_settled, "completed too soon", job.name)
            return
        require(not all_settled, "over and not ended", job.name, state.value)
        require(not job.over, "ended and alive again", job.name, state.value)
        marked = {index for index, found in enumerate(states) if found == SENT}
        unmarked = [lease for lease in self._model.leases.values() if lease.job == job.name
                    and lease.begun and lease.repeat != "safe" and not lease.items <= marked]
        require(not unmarked, "marked before it is sent", job.name, len(unmarked))
        work = redo or int(fields.get("next", 0)) < job.total
        offered = placed[0] is not None or placed[1] is not None
        if work and state.value in OPEN:
            require(offered, "stranded job", job.name)
        if state.value == "paused":
            require(placed[0] is None, "a paused job is offered", job.name)


LEFTOVERS = ("lease", "wait", "ready:main", "deadline", "sweeps")


def leaks(redis, key, model):
    """Names of keys that should be gone when nothing is left to do."""
    found = [name for name in LEFTOVERS if redis.exists(key(*name.split(":")))]
    for pattern in ("lease:*", "worker:*:leases", "worker:*:held", "ready:*", "app:*:jobs", "app:*:retry",
                    "app:*:open", "app:*:looks", "tenant:*:open"):
        found += [name.decode() for name in redis.scan_iter(key(*pattern.split(":")), count=1000)]
    for app in model.apps.values():
        held = int(redis.hget(key("app", app.name), "held") or 0)
        found += [f"{app.name} holds {held}"] if held else []
    return sorted(set(found))
