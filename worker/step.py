"""Celery's hook for our own threads: they live as long as the worker, not as a connection."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from celery import bootsteps

from bulkhead.engine.connect import open_client
from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.front import Front
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.notices import Notices
from bulkhead.engine.overview import Overview
from bulkhead.engine.packages import Packages
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import Sessions
from worker.door import Door, Reception
from worker.feeder import Feeder
from worker.heir import Heir
from worker.keeper import Hands, Keeper, Terms
from worker.postman import Postman
from worker.pulse import Pulse
from worker.runtime import Runtime, current
from worker.scheduler import Scheduler
from worker.sign_in import SignIns
from worker.stage import Files, Stage
from worker.stopping import GRACE

LAST_STATUSES = 2.0
"""Seconds for which a session waits, at its worker's end, for what others have asked of it."""
ANSWERS = 2.0
"""Seconds for which the keeper waits for the store: less than is left of a lease by then."""
RECEPTION = "tasks.submit"
"""Named by string: what is done with a message lies above the worker (HOUSE: the import rule)."""


def make_door(runtime: Runtime) -> Door:
    """The front door of this process, with connections of its own."""
    site, worker = runtime.site, runtime.verbs.worker
    scripts = Scripts(open_client(site.store_url))
    front = Front(open_client(site.front_url), worker)
    notices = Notices(scripts, worker)
    reception: Reception = import_module(RECEPTION).reception(
        scripts, front, notices, site.settings.tenant, site.keys
    )
    postman = Postman(notices, site.front_broker_url)
    heir = Heir(front, notices, Overview(scripts))
    return Door(front, reception, postman, heir, runtime.stopping)


def make_scheduler(runtime: Runtime) -> Scheduler:
    """What fires the schedules, with a connection of its own."""
    site = runtime.site
    scripts = Scripts(open_client(site.store_url))
    return Scheduler(scripts, runtime.verbs.worker, site.settings)


def make_keeper(runtime: Runtime) -> Keeper:
    """What keeps sessions, with connections of its own."""
    site, worker = runtime.site, runtime.verbs.worker
    settings, box = site.settings, site.box
    # Who gets no answer knows in time that its leases end.
    scripts = Scripts(open_client(site.store_url, timeout=ANSWERS, connect_timeout=ANSWERS))
    blocking = Scripts(open_client(site.store_url))
    hands = Hands(
        sessions=Sessions(scripts, box),
        blocking=Sessions(blocking),
        deliveries=Deliveries(scripts),
        sign_ins=SignIns(scripts, box),
        stage=Stage(settings, partial(Packages(scripts).found, worker)),
        file_of=Files(Jobs(scripts), settings.home).path_of,
    )
    places, idle = settings.realtime_sessions, settings.realtime_idle
    return Keeper(hands, Terms(worker, settings.cell, places, idle))


class FeederStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the feeder and the pulse with the worker, and gives back what is left at its end."""

    requires = {"celery.worker.components:Pool"}  # noqa: RUF012  (Celery's own form)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        runtime = current()
        self.door = make_door(runtime)
        self.keeper = make_keeper(runtime)
        self.pulse = Pulse(runtime, worker.app, self.door.heir.told, self.keeper.called)
        self.feeder = Feeder(runtime, worker.app)
        self.scheduler = make_scheduler(runtime)

    def start(self, worker: Any) -> None:
        self.pulse.start()
        self.feeder.start()
        self.door.start()
        self.scheduler.start()
        self.keeper.start()

    def stop(self, worker: Any) -> None:
        runtime = current()
        runtime.stopping.ask()
        self.scheduler.finish()
        self.feeder.finish()
        self.door.finish()
        # The beat goes on until then: a lease must not end under a call that is being answered.
        runtime.slots.wait_idle(GRACE + 1)
        # Sessions as well: a slice of this worker may wait for an answer of one that it has.
        self.keeper.finish(LAST_STATUSES)
        self.pulse.finish()
