"""Fires schedules: one job for each instant that somebody was there for, told in every case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from bulkhead.broadcast_limits import refuse_sender
from bulkhead.broadcasting import KIND as BROADCAST
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.kept_rows import job_of_rows, params_of
from bulkhead.engine.schedules import Advance, Schedules
from bulkhead.engine.script import Scripts
from bulkhead.errors import BulkheadError, NotFound, Unreachable
from bulkhead.model.schedule import (
    LATE_AFTER,
    MADE,
    MISSED,
    REFUSED,
    SKIPPED,
    Firing,
    Schedule,
)
from bulkhead.submitting import refuse_if_full

MOST_COUNTED = 1000
"""Missed instants that are counted one by one; beyond that the number says at least so many."""

Reread = Callable[[Schedule, float], str]
"""Makes the job of a schedule whose audience is read anew for an instant; its id."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A schedule that was advanced, and what became of its instant."""

    schedule: Schedule
    firing: Firing
    late: float
    """Seconds between the time at which it was to fire and that at which it did."""


def labels_of(schedule: Schedule) -> dict[str, str]:
    """What its jobs can be found by."""
    return {"schedule": schedule.name}


def make_of_rows(scripts: Scripts, schedule: Schedule, key: str) -> str:
    """The id of the job made of the schedule's rows under this key, once.

    Raises as `job_of_rows`, and NotPermitted for a sender that is one of the app's no more.
    """
    refuse_if_full(scripts)
    if schedule.order.kind == BROADCAST:
        app = Fleet(scripts).app(schedule.order.app)
        refuse_sender(app, params_of(scripts, schedule)["from"])
    return job_of_rows(scripts, schedule, key, labels_of(schedule))


class Firings:
    """Fires what is due. Raises Unreachable: fired again, it makes no second job."""

    def __init__(self, scripts: Scripts, reread: Reread) -> None:
        self._scripts = scripts
        self._schedules = Schedules(scripts)
        self._jobs = Jobs(scripts)
        self._reread = reread

    def fire(self, name: str, now: float) -> Fired | None:
        """What became of the instant that is due; None if there is none, or another was quicker."""
        schedule = self._schedules.get(name)
        if schedule.planned is None or schedule.due is None or schedule.due > now:
            return None
        plan = plan_of(schedule, now)
        firing = replace(self._carried_out(schedule, plan), fired_at=now)
        error = firing.why if firing.outcome == REFUSED else ""
        # Behind what is already due; the jitter belongs to the instant.
        following = schedule.rules.cron.next(max(firing.instant, now - schedule.rules.jitter))
        if not self._schedules.advance(schedule, Advance(following, firing, error)):
            return None
        return Fired(schedule, firing, now - schedule.due)

    def _carried_out(self, schedule: Schedule, plan: Firing) -> Firing:
        if plan.outcome == MISSED:
            return plan
        goes_on = self._goes_on(schedule)
        if goes_on:
            return replace(plan, outcome=SKIPPED, why=f"{goes_on} has not ended")
        try:
            if schedule.order.audience:
                return replace(plan, job=self._reread(schedule, plan.instant))
            key = schedule.key_of(plan.instant)
            return replace(plan, job=make_of_rows(self._scripts, schedule, key))
        except Unreachable:
            raise
        except BulkheadError as error:
            return replace(plan, outcome=REFUSED, why=f"{error.what}: {error.why}")

    def _goes_on(self, schedule: Schedule) -> str:
        """The job of the firing before if it forbids another one."""
        if schedule.rules.overlap != "skip" or not schedule.last_job:
            return ""
        try:
            ended = self._jobs.get(schedule.last_job).ended
        except NotFound:
            return ""
        return "" if ended else schedule.last_job


def plan_of(schedule: Schedule, now: float) -> Firing:
    """Which instant gets a job, or MISSED; instants before it that nobody was there for.

    One is missed when LATE_AFTER has passed, or the one after it is due as well.
    """
    rules, planned = schedule.rules, schedule.planned or 0.0
    until, coming = now - rules.jitter, rules.cron.after(planned)
    due = [planned, *takewhile(lambda at: at <= until, islice(coming, MOST_COUNTED))]
    latest, missed = due[-1], len(due) - 1
    fresh = until - latest <= LATE_AFTER
    if missed == 0 and fresh:
        return Firing(planned, MADE)
    if rules.misfire == "once":
        # Named by the first: whoever does it again after a death does it under the same key.
        return Firing(planned, MADE, missed=missed)
    if fresh:
        return Firing(latest, MADE, missed=missed)
    why = f"no worker was there within {LATE_AFTER:.0f} seconds"
    return Firing(planned, MISSED, why=why, missed=missed)
