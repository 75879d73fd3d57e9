"""The one submit that every door ends in: rows in, a job out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bulkhead.engine.draft import SEAL_FOR, SEAL_PAUSE, Draft, Request
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import Interrupted, StoreFull, Unreachable
from bulkhead.model.batch import Batch, gathered
from bulkhead.model.job import Job
from bulkhead.model.user import problem_of

FULL_AT = 0.8
"""Part of the store's memory from which on new jobs are refused, so that running ones can end."""


class Entry(NamedTuple):
    """One row for a job; a row with a code is not sent, and fails with that reason."""

    line: int
    cells: list[str]
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job whose rows were not read yet."""

    request: Request
    batches: Iterable[Batch]
    describe: Callable[[], Mapping[str, Any]]
    """Gives the job's `input`; asked after the last row."""

    def submit(self, scripts: Scripts) -> Job:
        """Read the rows and make the job. Raises as `submit_batches`."""
        return submit_batches(scripts, self.request, self.batches, self.describe)


def was_made(scripts: Scripts, request: Request) -> bool:
    """True if its idempotency key has a job: nothing new is sent because of it."""
    key = request.idempotency_key
    return bool(key) and Jobs(scripts).made_with(request.tenant, key) is not None


def batches_of(entries: Iterable[Entry]) -> Iterator[Batch]:
    """The same rows, many at once."""
    return gathered(
        (line, cells, problem_of(code, message) if code else None)
        for line, cells, code, message in entries
    )


def submit(
    scripts: Scripts,
    request: Request,
    entries: Iterable[Entry],
    describe: Callable[[], Mapping[str, Any]],
) -> Job:
    """`submit_batches` for rows that come one by one."""
    return submit_batches(scripts, request, batches_of(entries), describe)


def submit_batches(
    scripts: Scripts,
    request: Request,
    batches: Iterable[Batch],
    describe: Callable[[], Mapping[str, Any]],
) -> Job:
    """Read every row, then seal the job: no call is made before that, and none if reading fails.

    `describe` is asked for the job's `input` after the last row. Raises what `batches` raises,
    Conflict (idempotency), StoreFull or Unreachable: nothing was sent, unless it says that this
    is not known. An interrupt that came too late for the job raises Interrupted.
    """
    refuse_if_full(scripts)
    draft = Draft(scripts, request)
    try:
        draft.open()
        for batch in batches:
            draft.take(batch)
        return _accepted(scripts, draft.seal(describe()))
    except BaseException as error:
        gone = draft.abandon()
        if isinstance(error, KeyboardInterrupt) and not gone:
            raise Interrupted(
                f"{draft.id} was accepted in the moment of the interrupt, and goes on",
                why="its input had been read to the end",
                to_do=f"`bulkhead jobs watch {draft.id}` shows it, `jobs cancel` ends it",
            ) from None
        raise


def _accepted(scripts: Scripts, job: str) -> Job:
    """The document of a job that runs by now: whoever hears no more than "away" sends it again."""
    deadline = time.monotonic() + SEAL_FOR
    while True:
        try:
            return Jobs(scripts).get(job)
        except Unreachable as error:
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"{job} was accepted, and goes on; the store went away just then",
                    why=error.why,
                    to_do=f"do not send it again; when it is back, `bulkhead jobs show {job}`",
                ) from error
            time.sleep(SEAL_PAUSE)


def refuse_if_full(scripts: Scripts) -> None:
    """Raises StoreFull when the store could run out of memory while jobs are running."""
    told: Any = scripts.redis.info("memory")
    most, used = int(told.get("maxmemory", 0)), int(told["used_memory"])
    if most and used > most * FULL_AT:
        raise StoreFull(
            "the store is too full for a new job",
            why=f"{used / most:.0%} of its {most // 2**20} MiB are in use; "
            f"new jobs stop at {FULL_AT:.0%}",
            to_do="give it more memory, or let finished jobs expire; running jobs go on",
        )
