"""The heart: what happens to a parcel, from its lease to its settlement."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from celery import shared_task
from structlog import get_logger

from bulkhead.engine.verbs import Person
from bulkhead.model.kind import FIRST, KINDS
from bulkhead.model.slice import LOOK, Begun, Report, Slice, indexes
from tasks import report, users
from tasks.clocks import Clocks
from tasks.slice_run import SliceRun
from worker.runtime import Runtime, current

SETTLE_EVERY = 0.25
"""Seconds: what happened is never longer unrecorded than this."""

REST = 5_000_000
"""Microseconds that an app rests when a worker cannot read what it needs to call it;
else what cannot be opened would be tried a thousand times a second."""


@shared_task(name="tasks.run_parcel")  # type: ignore[untyped-decorator]
def run_parcel(parcel: list[list[object]]) -> None:
    """Run the slices of one parcel; it returns when all of them are settled."""
    run([Slice.from_message(message) for message in parcel], current(), Clocks())


def run(parcel: list[Slice], runtime: Runtime, clocks: Clocks) -> None:
    """Begin → call → outcome → settle. Pure of Celery."""
    runtime.slots.begin(parcel)
    try:
        runs = begin(parcel, runtime, clocks)
        for slice_run in runs:
            slice_run.start(runtime.lanes)
        while runs:
            runs[0].wait(SETTLE_EVERY)
            settle(runs, runtime, clocks)
            runs = [slice_run for slice_run in runs if not slice_run.settled]
    except Exception:
        # The leases end by themselves, and what may be repeated runs again.
        get_logger().exception("parcel_failed", slices=[part.lease for part in parcel])
    finally:
        runtime.slots.release(parcel)


def begin(parcel: list[Slice], runtime: Runtime, clocks: Clocks) -> list[SliceRun]:
    """Ask the store, just before the first call, which slices may run."""
    read_ahead(parcel, runtime)
    leases, people = [part.lease for part in parcel], look_up(parcel, runtime)
    asked_at = clocks.monotonic()
    answers = runtime.stopping.patiently(lambda: runtime.verbs.begin(leases, people))
    answered_at = clocks.monotonic()
    runs = []
    for part, answer in zip(parcel, answers, strict=True):
        if isinstance(answer, Begun):
            runtime.delay.learn(answer.since_claim / 1e6)
            report.tell_opening(part, answer, runtime)
            window = clocks.window(answer, asked_at, answered_at)
            made = partial(SliceRun, part, answer, window, runtime, clocks)
            run = take_up(part, runtime, made)
            if run is not None:
                runs.append(run)
        else:
            get_logger().info("slice_refused", job=part.job, app=part.app, code=answer.reason)
    return runs


def read_ahead(parcel: list[Slice], runtime: Runtime) -> None:
    """Read jobs and items before they are begun: a call marked as sent then goes out at once.

    What a worker had begun and not sent when it died is `unknown` all the same.
    """
    for part in parcel:
        with suppress(Exception):  # said where the slice is taken up
            runtime.cabinet.job(part.job)
            runtime.cabinet.items(part)


def look_up(parcel: list[Slice], runtime: Runtime) -> dict[str, list[Person]]:
    """For each slice that may meet what is done already: who to look up on the record."""
    asked = {}
    for part in parcel:
        kind = KINDS.get(part.kind)
        if kind is None or not kind.record or part.step not in (FIRST, LOOK):
            continue
        # What cannot be read is said where the slice is taken up. A store that is away is waited
        # for: begun without the look, `missing` would issue a second token.
        with suppress(Exception):
            asked[part.lease] = runtime.stopping.patiently(partial(_people, part, runtime))
    return asked


def _people(part: Slice, runtime: Runtime) -> list[Person]:
    return users.look_up(runtime.cabinet.job(part.job), runtime.cabinet.items(part))


def take_up(part: Slice, runtime: Runtime, make: Callable[[], SliceRun]) -> SliceRun | None:
    """The slice ready to run, or None after its items were returned.

    A begun lease lives as long as its worker: whoever cannot run it must say so.
    """
    try:
        return runtime.stopping.patiently(make)
    except Exception:
        get_logger().exception("parcel_failed", slices=[part.lease])
    returned = Report(part.lease, part.app, part.job, seq=1, last=True, cool=REST)
    returned.again.extend(indexes(part.ranges))
    report.tell([returned], runtime.stopping.patiently(lambda: runtime.verbs.settle([returned])))
    return None


def settle(runs: list[SliceRun], runtime: Runtime, clocks: Clocks) -> None:
    """Record what has happened since the last time, for all slices in one round trip."""
    leaving = runtime.stopping.over
    reports = [
        report.of(slice_run, clocks, leaving=leaving)
        for slice_run in runs
        if slice_run.has_news or leaving
    ]
    if reports:
        answers = runtime.stopping.patiently(lambda: runtime.verbs.settle(reports))
        report.tell(reports, answers)
