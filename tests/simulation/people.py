"""Producers and operators: who asks for work, and who pauses, changes, cancels and repeats it."""

from contextlib import suppress

from bulkhead.engine.fleet import SealedToken
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.app import AppSettings
from bulkhead.retrying import Choice, retry
from tests.fakes.engine import FAILED, PENDING, START
from tests.simulation.kernel import MICRO, require
from tests.simulation.orders import add_fleet

WAVE = 10 * MICRO
"""Microseconds that the calls of one wave take, at most."""
ROOM = 90 * MICRO
"""Microseconds beyond what the rates need until all work must have ended."""


class People:
    """Everything that is asked for from outside, at its time."""

    def __init__(self, world):
        self._world = world
        self._kernel = world.kernel
        self._since = {}

    def arrive(self):
        """Make the apps, and put everything else into the calendar."""
        world, scenario = self._world, self._world.scenario
        for app, service in scenario.apps.items():
            world.add_app(app, service)
        for second, app, items, request in scenario.jobs:
            when = START + round(second * MICRO)
            self._kernel.at(when, lambda job=(app, items, request): world.add_job(*job))
        for second, *fleet in scenario.fleets:
            when = START + round(second * MICRO)
            self._kernel.at(when, lambda fleet=fleet: add_fleet(world, *fleet))
        for second, verb, whom, what in scenario.acts:
            when = START + round(second * MICRO)
            self._kernel.at(when, lambda act=(verb, whom, what): self._act(*act))

    def held_since(self, job, name):
        """Since when this app may not be called for the job, and why."""
        app = self._world.model.apps[name]
        found = ((self._since.get(name), name) for name in (job.name, app.name, app.tenant))
        found = [entry for entry in found if entry[0] is not None]
        if job.deadline is not None and self._kernel.now >= job.deadline:
            # A deadline needs no two seconds: none starts after it, but for the way there.
            found.append((job.deadline - 2 * MICRO + self._world.backend.slack, "deadline"))
        closed = job.closed_since(self._kernel.now)
        if closed is not None:
            found.append((closed - 2 * MICRO + self._world.backend.slack, "window"))
        return found

    def _hold(self, name):
        self._since.setdefault(name, self._kernel.now)

    def _free(self, name):
        self._since.pop(name, None)

    def _act(self, verb, whom, what):
        getattr(self, f"_{verb}")(whom, what)
        self._world.bell.hear()

    def _pick(self, among, number):
        among = list(among)
        return among[int(number * len(among))] if among else None

    def _jobs(self):
        return self._world.model.jobs

    # Jobs.

    def _pause(self, whom, _):
        self._control(whom, "pause")

    def _resume(self, whom, _):
        self._control(whom, "resume")

    def _cancel(self, whom, _):
        self._control(whom, "cancel")

    def _control(self, whom, verb):
        name = self._pick((name for name, job in self._jobs().items() if not job.over), whom)
        if name is None:
            return
        job, world = self._jobs()[name], self._world
        try:
            world.jobs.control(name, verb)
        except Conflict:
            return
        world.model.touch(name)
        job.over = job.over or verb == "cancel"
        # A job that its app's token has stopped stays stopped by that, whoever pauses it too.
        by = world.redis.hget(world.key("job", name), "by").decode()
        job.paused = verb == "pause" and by == "user"
        if job.over or job.paused:
            self._hold(name)
        else:
            self._free(name)

    def _retry(self, whom, _):
        over = [name for name, job in self._jobs().items() if job.over and job.app]
        name = self._pick(over, whom)
        if name is None:
            return
        world, job = self._world, self._jobs()[name]
        world.model.ended(job)
        chosen = [i for i in range(job.total) if job.final.get(i, PENDING) in (FAILED, PENDING)]
        try:
            again = retry(world.scripts, name, Choice()).id
        except (Conflict, InvalidInput):
            return
        kind = world.redis.hget(world.key("job", name), "kind").decode()
        window = world.redis.hget(world.key("job", name), "window")
        same = {"kind": kind, "window": window.decode() if window else "", "sender": job.sender}
        world.know_job(again, job.app, len(chosen), set(), same)

    # Apps and tenants.

    def _app(self, whom):
        return self._pick(
            (name for name, app in self._world.model.apps.items() if not app.gone), whom
        )

    def _pause_app(self, whom, _):
        name = self._app(whom)
        app = self._world.model.apps[name]
        try:
            self._world.fleet.control("app", name, "pause")
        except Conflict:
            return require(app.state == "stopped", "a stopped app is not paused", name)
        app.state = "paused"
        return self._hold(name)

    def _resume_app(self, whom, _):
        name = self._app(whom)
        self._world.fleet.control("app", name, "resume")
        self._world.model.apps[name].state = "active"
        self._free(name)

    def _pause_tenant(self, whom, _):
        tenant = self._app(whom).split("/")[0]
        self._world.fleet.control("tenant", tenant, "pause")
        self._world.model.paused_tenants.add(tenant)
        self._hold(tenant)

    def _resume_tenant(self, whom, _):
        tenant = self._app(whom).split("/")[0]
        self._world.fleet.control("tenant", tenant, "resume")
        self._world.model.paused_tenants.discard(tenant)
        self._free(tenant)

    def _set_app(self, whom, what):
        name = self._app(whom)
        rate, cap = (5, 20, 100)[int(what * 3)], (1, 4, 8, 64)[int(what * 40) % 4]
        burst = (1, 5, rate)[int(what * 300) % 3]
        settings = AppSettings(
            "https://backend.example", rate=float(rate), burst=burst, max_in_flight=cap
        )
        self._world.fleet.set_app(name, settings)
        self._world.backend.change(name, rate, burst, cap)
        # Its next permit may still be one of the slower rate.
        self._world.model.apps[name].slowed = True
        self._world.learn_version(name)

    def _remove_app(self, whom, _):
        name = self._app(whom)
        # What is paused is set right at the end, and what is gone is not.
        if self._world.model.apps[name].state == "active":
            with suppress(Conflict):
                self._world.fleet.remove_app(name)
                self._world.model.apps[name].gone = True

    def _token_dies(self, whom, _):
        name = self._app(whom)
        service = self._world.backend.services[name]
        service.accepts = int(self._world.model.apps[name].version) + 1

    def _new_token(self, whom, _):
        name = self._app(whom)
        self._world.fleet.set_token(name, SealedToken("box2", "9999", "beef"))
        model = self._world.model.apps[name]
        if model.state == "stopped":
            model.state = "active"
            self._free(name)
        self._world.learn_version(name)

    # Workers and the store.

    def _kill(self, _, seconds):
        worker = self._one()
        if worker:
            self._world.crew.kill(worker, seconds)

    def _freeze(self, _, seconds):
        worker = self._one()
        if worker:
            self._world.crew.freeze(worker, seconds)

    def _leave(self, _, seconds):
        worker = self._one()
        if worker:
            self._world.crew.leave(worker, seconds)

    def _one(self):
        living = self._world.crew.living()
        return self._world.chance.choice(living) if living else None

    def _flush(self, *_):
        self._world.redis.script_flush()

    # The end.

    def go_home(self):
        """Nobody is held any more, nothing fails any more: now all work must end."""
        world = self._world
        for field in vars(world.faults):
            if field != "forget":
                setattr(world.faults, field, 0.0)
        for service in world.backend.services.values():
            service.odds, service.storms, service.limit = {}, [], None
        for name, app in world.model.apps.items():
            if app.gone:
                continue
            tenant = app.tenant
            if tenant in world.model.paused_tenants:
                self._resume_tenant_named(tenant)
            service = world.backend.services[name]
            # Its refusal may still be on the way back.
            dead = service.accepts is not None and service.accepts > int(app.version)
            service.accepts = None
            if app.state == "stopped" or dead:
                world.fleet.set_token(name, SealedToken("box3", "7777", "cafe"))
                world.learn_version(name)
            world.fleet.control("app", name, "resume")
            app.state = "active"
            self._free(name)
        self._resume_jobs()
        world.bell.hear()

    def _resume_tenant_named(self, tenant):
        self._world.fleet.control("tenant", tenant, "resume")
        self._world.model.paused_tenants.discard(tenant)
        self._free(tenant)

    def _resume_jobs(self):
        world = self._world
        for name, job in list(self._jobs().items()):
            if job.over:
                continue
            state = world.redis.hget(world.key("job", name), "state").decode()
            if state == "paused":
                if job.budget:
                    world.redis.hset(world.key("job", name), "max_failures", "")
                world.jobs.control(name, "resume")
            job.paused = False
            self._free(name)
            world.model.touch(name)

    def bound(self):
        """Microseconds from going home until all work must have ended."""
        world, need = self._world, {}
        for job in self._jobs().values():
            left = 3 * (job.total - len(job.final)) if job.app else 10
            for app in job.apps:
                service = world.backend.services[app]
                lane = MICRO / max(service.latency, 1000) * min(service.cap, 8)
                slowest = min(service.rate, world.scenario.senders.get(app, service.rate), lane / 2)
                need[app] = need.get(app, 0) + left / slowest
        now = self._kernel.now
        starts = max((job.deadline or 0 for job in self._jobs().values()), default=0)
        closed = [job for job in self._jobs().values() if job.closed_since(now) is not None]
        starts = max([starts, *(job.opens(now) for job in closed)])
        return (
            round(2 * max(need.values(), default=0) * MICRO)
            + ROOM
            + max(map(_in_waves, self._jobs().values()), default=0)
            + max(0, starts - self._kernel.now)
        )


def _in_waves(job):
    """Microseconds that a job over many apps takes for its waves and its tests."""
    return sum(job.soak + job.within + WAVE for _ in job.ends) if not job.app else 0
