"""Waits for a job's end, shows how far it is, and says with which exit code it ended."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import click

from bulkhead.engine.jobs import Jobs
from bulkhead.errors import Unreachable
from bulkhead.model.job import Job, JobState
from producers.cli.interrupts import raise_if_lost
from producers.cli.output import chosen, command_here, show_one
from producers.cli.progress import Progress, progress_for
from producers.cli.session_words import gate_note, trouble_note
from producers.cli.values import DURATION

Command = TypeVar("Command", bound=Callable[..., Any])

Conclude = Callable[[Job, int], tuple[Mapping[str, Any], int]]
"""From a job as it ended, and its exit code, to the document that is printed and another code."""

LOOK_EVERY = 0.25
STORE_AWAY = 60.0
"""Seconds that a store may be away while a job is waited for."""

STILL_RUNNING, NEEDS_A_PERSON = 8, 10
EXIT_CODES = {
    JobState.COMPLETED: 0,
    JobState.COMPLETED_WITH_ERRORS: 3,
    JobState.FAILED: 5,
    JobState.TIMED_OUT: 5,
    JobState.CANCELLED: 6,
    JobState.REJECTED: 9,
    JobState.PAUSED: NEEDS_A_PERSON,
}


@dataclass(frozen=True, slots=True)
class Following:
    """How a person wants to follow a job."""

    wait: bool = False
    watch: bool = False
    timeout: float | None = None
    progress: str | None = None


def follow_options(command: Command) -> Command:
    """Adds `--wait`, `--watch`, `--timeout` and `--progress`."""
    for option in reversed(
        (
            click.option("--wait", is_flag=True, help="Return when the job has ended."),
            click.option("--watch", is_flag=True, help="The same, with progress on stderr."),
            click.option(
                "--timeout", type=DURATION, metavar="D", help="Stop waiting after this (exit 8)."
            ),
            click.option("--progress", type=click.Choice(["json"]), help="Progress as JSON lines."),
        )
    ):
        command = option(command)
    return command


def finish(
    jobs: Jobs, job: Job, following: Following, form: str | None, conclude: Conclude | None = None
) -> int:
    """Print the job document once, as accepted or as it stands at the end; the exit code.

    Of a job that was waited for `conclude` makes the document, and it may wait for more.
    """
    if job.state is JobState.REJECTED:
        click.echo("no row of the input is valid: nothing was sent", err=True)
        show_job(job, form)
        return EXIT_CODES[job.state]
    if not (following.wait or following.watch or following.progress):
        say_paused(job)
        show_job(job, form)
        return 0
    try:
        with _told_to_end():
            job, code = follow(jobs, job, following)
            document = None
            if conclude is not None:
                document, code = conclude(job, code)
    except (KeyboardInterrupt, _ToldToEndError) as told:
        again = f"{command_here()} jobs watch {job.id}"
        click.echo(f"\nthe job goes on: `{again}` shows it again", err=True)
        show_job(jobs.get(job.id), form)
        return 143 if isinstance(told, _ToldToEndError) else 130
    say_paused(job)
    show_job(job, form, document)
    return code


class _ToldToEndError(Exception):
    """SIGTERM has come, as from `timeout` or a service manager."""


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Raises _ToldToEndError in place of an end without a word: the job's id would be lost."""

    def told(_number: int, _frame: FrameType | None) -> None:
        raise _ToldToEndError

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say_paused(job: Job) -> None:
    """For a paused job: by whom, why, and the command that lets it go on."""
    if job.paused is None:
        return
    resume = f"bulkhead jobs resume {job.id}"
    if not job.needs_a_person:
        next_ = f"it goes on by itself at {job.paused['until']}"
    elif job.paused["by"] == "error_budget":
        next_ = f"see `bulkhead jobs errors {job.id}`, then `{resume}` lets as many fail again"
    elif job.paused["by"] == "auth_failure":
        next_ = f"`bulkhead apps set {job.app} --token-file -` gives its app another token"
    else:
        next_ = f"`{resume}` lets it go on"
    why = f" ({job.paused['why']})" if job.paused["why"] else ""
    click.echo(f"paused by {job.paused['by']}{why}: {next_}", err=True)


def follow(jobs: Jobs, job: Job, following: Following) -> tuple[Job, int]:
    """The job as it stands when it ended, was paused, or the time was up; and the exit code."""
    limit = following.timeout
    started = answered = time.monotonic()
    noted = ""
    with progress_for(following.watch, following.progress) as progress:
        while True:
            progress.show(job)
            noted = _say_trouble(progress, job, noted)
            raise_if_lost()
            now = time.monotonic()
            if job.ended or job.needs_a_person:
                return job, EXIT_CODES[job.state]
            if limit is not None and now - started >= limit:
                return job, STILL_RUNNING
            rest = LOOK_EVERY if limit is None else min(LOOK_EVERY, started + limit - now)
            time.sleep(max(0.0, rest))
            try:
                job, answered = jobs.get(job.id), time.monotonic()
            except Unreachable:
                if time.monotonic() - answered > STORE_AWAY:
                    raise
                progress.note("the store does not answer; waiting for it")


def _say_trouble(progress: Progress, job: Job, noted: str) -> str:
    """Say once what keeps its session from sending; what was said, until it sends again.

    A session that is tried again fails with another job's id: its state tells whether it is news.
    """
    state, trouble = (job.session or {}).get("state") or "", trouble_note(job)
    if trouble and state != noted:
        progress.note(trouble)
        return state
    return noted if gate_note(job) else ""


def say_code(code: str, count: int, first_lines: Sequence[int], hint: str) -> None:
    """How many rows have this code, where they stand, and what to do about it."""
    lines = ", ".join(map(str, first_lines))
    more = " …" if count > len(first_lines) else ""
    rows, where = ("row", "line") if count == 1 else ("rows", "lines")
    click.echo(f"\n{code}  {count:,} {rows}, {where} {lines}{more}\n  {hint}")


def show_job(job: Job, form: str | None, document: Mapping[str, Any] | None = None) -> None:
    """The document as JSON, or for a person the lines that matter."""
    if chosen(form) != "table":
        show_one(document or job.to_dict(), form)
        return
    counts = job.counts
    rows = {"job": job.id, "kind": job.kind, "app": job.app, "state": job.state.value}
    if job.paused:
        rows["paused"] = f"by {job.paused['by']}: {job.paused['why']}"
    if waits := gate_note(job):
        rows["waits"] = waits
    numbers = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    rows["counts"] = "  ".join(f"{name} {n:,}" for name, n in numbers.items() if n)
    rows |= {name: when for name, when in job.times.items() if when}
    show_one(rows, "table")
    for entry in job.errors_by_code:
        say_code(entry.code, entry.count, entry.first_lines, entry.hint)
    if job.counts.failed and job.app is None:
        click.echo(f"\nwhich apps, and why: {command_here()} jobs errors {job.id}")
    elif job.counts.failed:
        click.echo(f"\nthe rows to fix: {command_here()} jobs errors {job.id} -o csv > errors.csv")
    sys.stdout.flush()
