"""What the store holds, against the model and against itself."""

import json
from collections import Counter
from pathlib import Path

from bulkhead.model.job import JobState
from bulkhead.model.ranges import indexes, parse_ranges
from tests.fakes.engine import COUNTED, SENT, audit_job, items_of, range_of, unpacked
from tests.simulation.kernel import MICRO, require

TEXT = (Path(__file__).parent / "audit.lua").read_text()
JOB = ("state", "next", "in_flight", "succeeded", "skipped", "failed", "unknown")
APP = (
    *("state", "cap", "held", "permits_granted", "permits_returned", "rate", "cool_until"),
    "learned",
)
LEASE = ("job", "app", "state", "left", "parallel")
PLACES = ("jobs", "ready", "tenant", "wait", "retry", "retry_wait", "tenant_state")
OPEN = ("queued", "running")
AHEAD = 300_000
"""Microseconds: the longest that permits are granted ahead, and a little."""


def named(names, values):
    """The fields that there are, as text."""
    pairs = zip(names, values, strict=True)
    return {name: value.decode() for name, value in pairs if value is not None}


class Audit:
    """Reads what the model says was touched, or all of it."""

    def __init__(self, redis, key, model):
        self._script = redis.register_script(TEXT)
        self._root, self._model = key(), model

    def run(self, jobs, apps):
        """Raises Violation where anything is not as it must be."""
        model = self._model
        # Jobs over many apps are looked at by themselves.
        jobs = sorted(job for job in jobs if model.jobs[job].app)
        apps = sorted(app for app in apps if not model.apps[app].gone)
        known = [lease for lease in model.leases.values() if lease.job in jobs or lease.app in apps]
        asked = {
            "jobs": [[job, model.jobs[job].app] for job in jobs],
            "apps": [[app, model.apps[app].tenant] for app in apps],
            "leases": [lease.id for lease in known],
            "workers": sorted(model.beats),
        }
        told_jobs, told_apps, told_leases, ids, kept = self._script(
            [self._root], [json.dumps(asked)]
        )
        ids = {name.decode() for name in ids}
        require(ids == set(model.leases), "the store's leases", ids ^ set(model.leases))
        mine = Counter(lease.worker for lease in model.leases.values())
        kept = dict(zip(asked["workers"], kept, strict=True))
        require(kept == {name: mine[name] for name in kept}, "leases of workers", kept)
        leases = [self._lease(*pair) for pair in zip(known, told_leases, strict=True)]
        retries = {}
        for app, told in zip(apps, told_apps, strict=True):
            self._app(app, named(APP, told[0]), dict(zip(PLACES, told[1:], strict=True)), leases)
            for member in told[5][::2]:
                job, _, index = member.decode().partition(":")
                retries.setdefault(job, []).append(int(index.split("@")[0]))
        for job, told in zip(jobs, told_jobs, strict=True):
            mine = [lease for lease in leases if lease["job"] == job]
            self._job(model.jobs[job], named(JOB, told[0]), *told[1:3], told[3:], mine, retries)

    def _lease(self, lease, told):
        kept = {**named(LEASE, told), "id": lease.id}
        state = "begun" if lease.begun else "granted"
        require(kept["state"] == state, "state of a lease", lease.id, kept["state"], state)
        left = set(indexes(parse_ranges(kept["left"])))
        require(left == lease.items, "what is left of a lease", lease.id, left ^ lease.items)
        return kept

    def _app(self, app, fields, placed, leases):
        mine = [lease for lease in leases if lease["app"] == app]
        held = sum(int(lease["parallel"]) for lease in mine)
        require(int(fields.get("held", 0)) == held, "held", app, fields.get("held"), held)
        model = self._model.apps[app]
        for field, known in (
            ("permits_granted", model.granted),
            ("permits_returned", model.returned),
        ):
            require(int(fields.get(field, 0)) == known, field, app, fields.get(field), known)
        require(
            fields["state"] == model.state, "state of an app", app, fields["state"], model.state
        )
        if placed["retry"]:
            first, wake = float(placed["retry"][1]), placed["retry_wait"]
            require(wake is not None, "retries are waited for", app)
            require(float(wake) <= first, "who waits is woken in time", app)
        running = fields["state"] == "active" and placed["tenant_state"] == b"active"
        # A throttled app's one call that asks whether it works again is all it may have.
        canary_is_out = held > 0 and float(fields.get("learned", 1)) == 0
        full = held >= int(fields["cap"]) or canary_is_out
        if not running or not placed["jobs"] or full:
            require(placed["ready"] is None, "ready without work", app)
            return
        ready = placed["ready"] is not None and placed["tenant"] is not None
        require(ready or placed["wait"] is not None, "stranded app", app)
        if not ready and not mine:
            self._not_for_long(app, fields, placed["wait"])

    def _not_for_long(self, app, fields, wake):
        """With nothing out, an app waits for its next permit, or as long as it was told to rest."""
        now = self._model.now
        # One that its backend has slowed down has permits from a slower time.
        if (
            self._model.apps[app].slowed
            or "learned" in fields
            or float(fields.get("cool_until") or 0) > now
        ):
            return
        longest = now + AHEAD + self._model.delay + 2 * MICRO / float(fields["rate"])
        require(
            float(wake) <= longest, "waits too long", app, f"{(float(wake) - now) / MICRO:.3f} s"
        )

    def _job(self, job, fields, packed, redo, placed, mine, retries):
        require("state" in fields, "a job is kept", job.name)
        if JobState(fields["state"]).terminal:
            self._model.ended(job)
        states = unpacked(packed, job.total)
        settled = {index: state for index, state in enumerate(states) if state in COUNTED}
        require(
            settled == job.final,
            "what became of the items",
            job.name,
            settled.items() ^ job.final.items(),
        )
        came_back = items_of(range_of(entry) for entry in redo) + retries.get(job.name, [])
        try:
            audit_job(fields, states, came_back, mine)
        except AssertionError as error:
            require(False, "conservation", job.name, fields["state"], str(error).split("\n")[0])
        state = JobState(fields["state"])
        if job.state and JobState(job.state).terminal:
            require(
                state.value == job.state, "the end is the end", job.name, job.state, state.value
            )
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
        unmarked = [
            lease
            for lease in self._model.leases.values()
            if lease.job == job.name
            and lease.begun
            and lease.repeat != "safe"
            and not lease.items <= marked
        ]
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
    for pattern in (
        "lease:*",
        "worker:*:leases",
        "worker:*:held",
        "ready:*",
        "app:*:jobs",
        "app:*:retry",
        "app:*:open",
        "app:*:looks",
        "tenant:*:open",
        "job:*:unsure",
    ):
        found += [name.decode() for name in redis.scan_iter(key(*pattern.split(":")), count=1000)]
    for app in model.apps.values():
        held = int(redis.hget(key("app", app.name), "held") or 0)
        found += [f"{app.name} holds {held}"] if held else []
    return sorted(set(found))
