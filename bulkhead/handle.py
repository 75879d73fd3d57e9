"""A job in the hands of a program: how far it is, its results, and the brakes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, JobPaused, JobStillRunning, Unreachable
from bulkhead.model.delivery import Funnel
from bulkhead.model.job import Counts, Job, JobState
from bulkhead.model.result import WORDS, Result
from bulkhead.ordering import DEFAULT, Options
from bulkhead.retrying import Choice, retry

if TYPE_CHECKING:
    from bulkhead.rotation_order import Rotations

LOOK_EVERY = 0.25
"""Seconds between two looks at a job that is waited for."""

STORE_AWAY = 60.0
"""Seconds that the store may be away while a job is waited for."""


class JobHandle:
    """One job as it was last read; whatever asks the store brings the handle up to date.

    Handles may be shared between threads: what is read is replaced as a whole. Every method that
    asks the store may raise NotFound (the job has expired) or Unreachable.
    """

    __slots__ = ("_jobs", "_rotations", "_scripts", "document")

    document: Job
    """The whole job document; `document.to_dict()` is what the command line prints."""

    def __init__(self, scripts: Scripts, document: Job, rotations: Callable[[], Rotations]) -> None:
        self._scripts = scripts
        self._rotations = rotations
        self._jobs = Jobs(scripts)
        self.document = document

    @property
    def id(self) -> str:
        """`job_…`, as the command line and the log write it."""
        return self.document.id

    @property
    def kind(self) -> str:
        """Such as `users.import`."""
        return self.document.kind

    @property
    def app(self) -> str | None:
        """`tenant/app`."""
        return self.document.app

    @property
    def state(self) -> JobState:
        """The state as last read; it compares with plain text, such as "running"."""
        return self.document.state

    @property
    def counts(self) -> Counts:
        """Every row in exactly one place, as last read."""
        return self.document.counts

    @property
    def ended(self) -> bool:
        """True once state and counts are final, but for `unknown` rows that are settled later."""
        return self.document.ended

    def refresh(self) -> Self:
        """Read the job again; the same handle."""
        self.document = self._jobs.get(self.id)
        return self

    def wait(
        self,
        timeout: float | None = None,
        progress: Callable[[JobHandle], object] | None = None,
    ) -> Self:
        """The same handle when the job has ended, however it ended; `timeout` is in seconds.

        `progress` is called with the handle now and after each change. Raises JobStillRunning
        (also a TimeoutError) when the time is up, JobPaused when a person is needed, and
        Unreachable when the store is away for more than a minute; the job goes on all the same.
        """
        started = time.monotonic()
        seen = 0
        while True:
            self._patiently()
            if progress is not None and self.document.version != seen:
                seen = self.document.version
                progress(self)
            if self.ended:
                return self
            self._raise_if_paused()
            self._raise_if_late(started, timeout)
            time.sleep(LOOK_EVERY)

    def results(self, outcome: str | Iterable[str] | None = None) -> Iterator[Result]:
        """What became of each settled row, as a stream; also while the job runs.

        `outcome` is one of `succeeded`, `skipped`, `failed`, `unknown`, and once the job has ended
        also `cancelled` or `not_attempted`; or several of them.
        Raises InvalidInput for another word.
        """
        wanted = {outcome} if isinstance(outcome, str) else set(outcome or WORDS)
        odd = sorted(wanted.difference(WORDS))
        if odd:
            raise InvalidInput(
                f"{odd[0]!r} is no outcome of a row that has a result",
                why=f"it must be one of {', '.join(WORDS)}",
                to_do="rows without a result are counted in `counts`",
            )
        return self._jobs.results(self.id, frozenset(wanted))

    def errors(self) -> Iterator[Result]:
        """The failed rows: code, message, what to do, and the row's cells."""
        return self.results("failed")

    def delivery(self) -> Funnel:
        """Of a broadcast: who was sent it, got it and read it, as far as mesibo told us.

        A lower bound; its `notes` say why. Raises InvalidInput for a job of another kind.
        """
        return Deliveries(self._scripts).funnel(self.id)

    def pause(self, why: str = "") -> Self:
        """Start no new call after 2 s. Raises Conflict if the job has ended."""
        return self._control("pause", why)

    def resume(self) -> Self:
        """Let a paused job go on. Raises Conflict if it cannot."""
        return self._control("resume", "")

    def cancel(self, why: str = "") -> Self:
        """End the job for good; what was done stays done. Raises Conflict if it has ended."""
        return self._control("cancel", why)

    def retry(self, only: str | None = None, options: Options = DEFAULT) -> JobHandle:
        """A new job of the rows that failed or were not attempted, with this one as `parent`.

        `only` is `failed`, `unknown`, `not_attempted` or a code. Unknown rows may have been carried
        out: they run again only when asked for. Raises InvalidInput if there is nothing to do, or
        no secret key is known and it is a rotation, which is audited as the first one was.
        """
        if self.document.apps is None:
            made = retry(self._scripts, self.id, Choice(only), options)
        else:
            made = self._rotations().again(self.id, Choice(only), options)
        return JobHandle(self._scripts, made, self._rotations)

    def to_dict(self) -> dict[str, Any]:
        """The job document as the command line prints it."""
        return self.document.to_dict()

    def __repr__(self) -> str:
        counts = self.counts
        return f"<JobHandle {self.id} {self.state} {counts.settled:,} of {counts.total:,} settled>"

    def _control(self, verb: str, why: str) -> Self:
        self.document = self._jobs.control(self.id, verb, why=why)
        return self

    def _patiently(self) -> None:
        """Read the job, also from a store that restarts meanwhile."""
        asked = time.monotonic()
        while True:
            try:
                self.refresh()
                return
            except Unreachable:
                if time.monotonic() - asked > STORE_AWAY:
                    raise
            time.sleep(LOOK_EVERY)

    def _raise_if_paused(self) -> None:
        paused = self.document.paused
        if paused is None or not self.document.needs_a_person:
            return
        raise JobPaused(
            f"{self.id} is paused by {paused['by']}",
            why=paused["why"] or "whoever paused it gave no reason",
            to_do="remove the cause, then resume() and wait() again; its rows are kept",
        )

    def _raise_if_late(self, started: float, timeout: float | None) -> None:
        if timeout is None or time.monotonic() - started < timeout:
            return
        raise JobStillRunning(
            f"{self.id} is still {self.state.value}",
            why=f"{self.counts.settled:,} of {self.counts.total:,} rows are settled "
            f"after {timeout:g} s",
            to_do="wait() again, or look at it later by its id",
        )
