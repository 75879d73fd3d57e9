"""The heart: what happens to a parcel, from its lease to its settlement."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from celery import shared_task
from structlog import get_logger

from bulkhead.engine.verbs import Person
from bulkhead.errors import Unreachable
from bulkhead.model.kind import FIRST, KINDS
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import LOOK, Begun, Report, Slice
from tasks import report, users
from tasks.clocks import Clocks
from tasks.joined import reach, shortened
from tasks.leaves import with_leaves
from tasks.news import News
from tasks.operation import alike
from tasks.settling import give_up, settle
from tasks.slice_run import SliceRun
from worker.runtime import Runtime, current

SETTLE_EVERY = 0.25
"""Seconds: what happened is never longer unrecorded than this."""

TOGETHER = 0.005
"""Seconds in which answers to calls that may not be repeated are gathered before they are told."""

REST = 5_000_000
"""Microseconds that an app rests when a worker cannot read what it needs to call it;
else what cannot be opened would be tried a thousand times a second."""


@shared_task(name="tasks.run_parcel")  # type: ignore[untyped-decorator]
def run_parcel(parcel: list[list[object]]) -> None:
    """Run the slices of one parcel; it returns when all of them are settled."""
    run([Slice.from_message(message) for message in parcel], current(), Clocks())


def run(parcel: list[Slice], runtime: Runtime, clocks: Clocks) -> None:
    """Begin → call → outcome → settle. Pure of Celery."""
    taken_at = runtime.slots.begin(parcel)
    if taken_at is None:
        # Sent twice, or lost for so long that its items are run elsewhere.
        get_logger().warning("parcel_refused", slices=[part.lease for part in parcel])
        return
    try:
        ParcelRun(parcel, taken_at, runtime, clocks).run()
    except Exception:
        # The leases end by themselves, and what may be repeated runs again.
        get_logger().exception("parcel_failed", slices=[part.lease for part in parcel])
    finally:
        runtime.slots.release(parcel)


class ParcelRun:
    """The slices of a parcel, each begun in its time, until all of them are settled.

    What may not be repeated is marked as sent when it is begun, and is `unknown` if the worker
    dies before its answer is settled: so it is begun as its first call falls due, no sooner,
    and its answers are told as they come.
    """

    def __init__(
        self, parcel: list[Slice], taken_at: float, runtime: Runtime, clocks: Clocks
    ) -> None:
        self._runtime = runtime
        self._clocks = clocks
        self._taken_at = taken_at
        self._arrived_at = self._settled_at = clocks.monotonic()
        early = runtime.begins.seconds
        self._later = sorted(
            ((taken_at + part.offsets[0] / 1e6 - early, part) for part in parcel if part.marks),
            key=lambda one: one[0],
        )
        self._at_once = [part for part in parcel if not part.marks]
        self._runs: list[SliceRun] = []
        self._news = News()

    def run(self) -> None:
        """Return when nothing of the parcel is left."""
        # All are taken up before the first call: whatever is raised here leaves none on its way.
        for slice_run in list(begin(self._at_once, self._runtime, self._clocks)):
            self._start(slice_run)
        while self._runs or self._later:
            self._begin_what_is_due()
            if not self._news.wait(self._patience()) and self._news.told:
                self._runtime.stopping.wait(TOGETHER)
            self._news.clear()
            if self._runtime.stopping.asked:
                self._stop()
            self._settle()

    def _settle(self) -> None:
        settle(self._runs, self._runtime, self._clocks)
        self._runs = [one for one in self._runs if not one.settled]
        self._settled_at = self._clocks.monotonic()

    def _patience(self) -> float:
        if not self._later:
            return SETTLE_EVERY
        return max(0.0, min(SETTLE_EVERY, self._later[0][0] - self._clocks.monotonic()))

    def _begin_what_is_due(self) -> None:
        while self._later and self._later[0][0] <= self._clocks.monotonic():
            began_at, due = self._clocks.monotonic(), []
            while self._later and self._later[0][0] <= began_at:
                due.append(self._later.pop(0)[1])
            self._begin(due)
            took = self._clocks.monotonic() - began_at
            self._runtime.begins.learn(took)
            # As long as if it had been begun when it arrived.
            self._runtime.delay.learn(self._arrived_at - self._taken_at + took)

    def _begin(self, due: list[Slice]) -> None:
        """Each starts as soon as it is taken up: it is marked as sent already."""
        left = deque(due)
        try:
            for slice_run in begin(due, self._runtime, self._clocks):
                self._start(slice_run)
                left.popleft()
                if self._clocks.monotonic() >= self._settled_at + SETTLE_EVERY:
                    self._settle()
        except Exception:
            # Those that run beside them are to be settled all the same.
            for part in left:
                give_up(part.lease)

    def _start(self, slice_run: SliceRun | None) -> None:
        if slice_run is None:
            return
        self._news.expect(1)
        self._runs.append(slice_run)
        if slice_run.part.marks:
            slice_run.start(self._news.one_over, self._news.tell)
        else:
            slice_run.start(self._news.one_over)

    def _stop(self) -> None:
        for slice_run in self._runs:
            slice_run.nudge()
        left = [part.lease for _, part in self._later]
        self._later.clear()
        with suppress(Unreachable):  # then they end by themselves
            self._runtime.verbs.give_back(left)


def begin(parcel: list[Slice], runtime: Runtime, clocks: Clocks) -> Iterator[SliceRun | None]:
    """Ask the store, just before the first call, which slices may run.

    Each in its turn, as soon as it can; None for one that may not, or cannot.
    """
    if not parcel:
        return
    read_ahead(parcel, runtime)
    leases, people = [part.lease for part in parcel], look_up(parcel, runtime)
    reached = reach(parcel, lambda part: alike(part.kind, part.operation), runtime)
    asked_at = clocks.monotonic()
    answers = runtime.stopping.patiently(lambda: runtime.verbs.begin(leases, people, reached))
    answered_at = clocks.monotonic()
    for part, answer in zip(parcel, with_leaves(parcel, answers, runtime.cabinet), strict=True):
        if isinstance(answer, Begun):
            if not part.marks:
                runtime.delay.learn(answer.since_claim / 1e6)
            report.tell_opening(part, answer, runtime)
            window = clocks.window(answer, asked_at, answered_at)
            carried = shortened(part, reached)
            made = partial(SliceRun, carried, answer, window, runtime, clocks)
            yield take_up(carried, runtime, made)
        else:
            get_logger().info("slice_refused", job=part.job, app=part.app, code=answer.reason)
            yield None


def read_ahead(parcel: Iterable[Slice], runtime: Runtime) -> None:
    """Read what is called for before it is begun: a call marked as sent then goes out at once.

    What a worker had begun and not sent when it died is `unknown` all the same.
    """
    with suppress(Exception):  # said where the slice is taken up
        runtime.cabinet.fetch(parcel)


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
