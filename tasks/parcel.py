"""The heart: what happens to a parcel, from its lease to its settlement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from celery import shared_task
from structlog import get_logger

from bulkhead.engine.verbs import Person
from bulkhead.errors import Unreachable
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
        over = Countdown(len(runs))
        for slice_run in runs:
            slice_run.start(over.one_less)
        while runs:
            over.wait(SETTLE_EVERY)
            if runtime.stopping.asked:
                nudge(runs)
            settle(runs, runtime, clocks)
            runs = [slice_run for slice_run in runs if not slice_run.settled]
    except Exception:
        # The leases end by themselves, and what may be repeated runs again.
        get_logger().exception("parcel_failed", slices=[part.lease for part in parcel])
    finally:
        runtime.slots.release(parcel)


class Countdown:
    """Waits for a number of slices; all of them are counted in the caller's thread."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._none_left = threading.Event()

    def one_less(self) -> None:
        """One more is over."""
        self._left -= 1
        if self._left <= 0:
            self._none_left.set()

    def wait(self, seconds: float) -> bool:
        """True as soon as all of them are over, False when the time has passed."""
        return self._none_left.wait(seconds)


def nudge(runs: list[SliceRun]) -> None:
    """Let them see that no call may start any more."""
    for slice_run in runs:
        slice_run.nudge()


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
    reports = []
    for slice_run in runs:
        if report.has_news(slice_run) or leaving:
            try:
                reports.append(report.of(slice_run, clocks, leaving=leaving))
            except Exception:
                give_up(slice_run.part.lease)
                slice_run.settled = True
    if reports:
        record(reports, runtime)


def record(reports: list[Report], runtime: Runtime) -> None:
    """Tell the store; a report that it does not take costs the others nothing."""
    try:
        answers = runtime.stopping.patiently(lambda: runtime.verbs.settle(reports))
    except Unreachable:
        raise
    except Exception:
        if len(reports) == 1:
            give_up(reports[0].lease)
            return
        # Reports are numbered: what was taken is not taken twice.
        for told in reports:
            record([told], runtime)
    else:
        report.tell(reports, answers)


def give_up(lease: str) -> None:
    """Say why a slice is left to its lease, which ends by itself."""
    get_logger().exception("parcel_failed", slices=[lease])
