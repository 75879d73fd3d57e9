"""Fires the recurring schedules: a thread of its own, so that a long firing holds up no beat."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from structlog import get_logger

from bulkhead.engine.schedules import LEASE, Schedules
from bulkhead.engine.script import Scripts
from bulkhead.errors import BulkheadError, NotFound, Unreachable
from bulkhead.firing import Fired, Firings
from bulkhead.model.job import rfc3339
from bulkhead.model.schedule import MADE, REFUSED
from bulkhead.settings import Settings
from worker.rereading import Readers, Rereading

LOOK = 2.0
"""Seconds between two looks; what comes sooner is waited for to the millisecond."""
AGAIN = 10.0
"""Seconds after which a firing is tried again that the store or an accident has stopped."""
ROOM = 1.0
"""Seconds after which one is tried again that found no room to read its audience."""


class Scheduler(threading.Thread):
    """A thread of a worker; of all workers one fires, and another goes on where it dies."""

    def __init__(
        self,
        scripts: Scripts,
        worker: str,
        settings: Settings,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(name="scheduler", daemon=True)
        self._schedules = Schedules(scripts)
        self._worker = worker
        self._clock = clock
        self._over = threading.Event()
        self._firings = Firings(scripts, Rereading(self._schedules, settings, self._over))
        self._readers = Readers()
        self._log = get_logger()

    def run(self) -> None:
        """Look until told to stop; a store that is away is waited for."""
        while not self._over.wait(self.look()):
            pass

    def finish(self) -> None:
        """Begin no further firing; one under way is left to whoever looks next."""
        self._over.set()
        self.join(timeout=LOOK)

    def look(self) -> float:
        """Fire what is due; the seconds after which to look again."""
        asked = self._clock()
        try:
            due = self._schedules.due(self._worker)
            for name in due.names:
                if self._over.is_set() or not self._schedules.keep(self._worker):
                    break
                self._begin(name, due.now + self._clock() - asked)
        except Unreachable:
            return LOOK
        except Exception:
            self._log.exception("scheduler_failed")
            return LOOK
        if due.names:
            return 0.0
        # Nothing left to wait for and nothing to fire: another worker's lease holds.
        return min(LOOK, due.left) if due.left else LOOK

    def _begin(self, name: str, now: float) -> None:
        """Fire it here, or beside where its audience has to be read first."""
        try:
            schedule = self._schedules.get(name)
        except NotFound:
            return
        except Exception as error:
            self._put_off(name, error)
            return
        if not schedule.order.audience:
            self._fire(name, now)
            return
        # First out of everybody's sight, so that only the reader decides when it is seen again.
        self._schedules.put_off(name, LEASE)
        if not self._readers.start(schedule.tenant, partial(self._fire, name, now)):
            self._schedules.put_off(name, ROOM)

    def _fire(self, name: str, now: float) -> None:
        try:
            fired = self._firings.fire(name, now)
        except Exception as error:
            self._put_off(name, error)
        else:
            if fired is not None:
                self._tell(fired)

    def _put_off(self, name: str, error: Exception) -> None:
        """One schedule's trouble is not the next one's. Raises nothing."""
        told = f"{error.what}: {error.why}" if isinstance(error, BulkheadError) else ""
        tenant = name.partition("/")[0]
        about = {"schedule": name, "tenant": tenant, "error": told or type(error).__name__}
        self._log.warning("schedule_put_off", **about)
        try:
            self._schedules.put_off(name, AGAIN)
        except Unreachable:
            # Then it is due as before when the store is back.
            return

    def _tell(self, fired: Fired) -> None:
        firing, schedule = fired.firing, fired.schedule
        about = {
            "schedule": schedule.full_name,
            "tenant": schedule.tenant,
            "app": schedule.order.app,
            "instant": rfc3339(firing.instant * 1e6),
            "missed": firing.missed,
        }
        if firing.outcome == MADE:
            late = round(fired.late, 3)
            self._log.info("schedule_fired", **about, job=firing.job, late_s=late)
        elif firing.outcome == REFUSED:
            self._log.error("schedule_refused", **about, error=firing.why)
        else:
            told = {"outcome": firing.outcome, "error": firing.why}
            self._log.warning("schedule_skipped", **about, **told)
