"""How far a job is: a live line on a terminal, plain lines or JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import click

from bulkhead.model.job import Job

if TYPE_CHECKING:
    from rich.text import Text

PLAIN_EVERY = 5.0
"""Seconds between lines where there is no terminal."""

LIMITS = {
    "app_rate": "the app's rate",
    "class_rate": "the rate of its class of operations",
    "job_rate": "the rate it was given",
    "sender_rate": "the rate of each real-time sender",
    "session": "the sender's real-time session: see `bulkhead realtime status`",
    "max_in_flight": "the app's calls in flight",
    "apps": "each app's own limits",
    "soak": "the time between two waves",
    "workers": "the workers",
    "no_workers": "no worker is running: start `bulkhead up` or `bulkhead worker`",
    "upstream_throttle": "mesibo throttles the app",
    "app_stopped": "the app's token is not accepted",
    "egress_limit": "five other addresses have called the app: BULKHEAD_EGRESS of the workers",
    "app_paused": "the app is paused",
    "tenant_paused": "the tenant is paused",
    "paused": "the job is paused",
}


class Progress(Protocol):
    """Something that can show a job."""

    def show(self, job: Job) -> None:
        """Show how far the job is."""

    def note(self, text: str) -> None:
        """Say something that is not the job's state."""


@contextmanager
def progress_for(watch: bool, form: str | None) -> Iterator[Progress]:
    """The progress that suits the request and the place stderr goes to."""
    if form == "json":
        yield JsonLines()
    elif not watch:
        yield Silent()
    elif sys.stderr.isatty():
        with live() as progress:
            yield progress
    else:
        yield PlainLines()


class Silent:
    """Shows nothing but notes."""

    def __init__(self) -> None:
        self._noted = ""

    def show(self, job: Job) -> None:
        self._noted = ""

    def note(self, text: str) -> None:
        if text != self._noted:
            click.echo(text, err=True)
        self._noted = text


class JsonLines(Silent):
    """One JSON object a change, and one for each note."""

    def __init__(self) -> None:
        super().__init__()
        self._version = 0

    def show(self, job: Job) -> None:
        super().show(job)
        if job.version != self._version:
            document = job.to_dict()
            kept = ("id", "state", "version", "counts", "pace")
            line = {name: document[name] for name in kept}
            click.echo(json.dumps(line, ensure_ascii=False), err=True)
        self._version = job.version

    def note(self, text: str) -> None:
        if text != self._noted:
            click.echo(json.dumps({"note": text}, ensure_ascii=False), err=True)
        self._noted = text


class PlainLines(Silent):
    """A line every few seconds, and one at each change of state."""

    def __init__(self) -> None:
        super().__init__()
        self._last = (0.0, "")

    def show(self, job: Job) -> None:
        super().show(job)
        at, state = self._last
        if job.state != state or time.monotonic() - at >= PLAIN_EVERY:
            click.echo(f"{job.id}  {job.state.value}  {sentence(job)}", err=True)
            self._last = (time.monotonic(), job.state.value)


@contextmanager
def live() -> Iterator[Progress]:
    """A line that moves in place, as wide as the terminal lets it be."""
    from rich.console import Console
    from rich.live import Live as Line

    # Escapes only where they are wanted; a narrow terminal loses the bar, never a number.
    with Line(console=Console(stderr=True, highlight=False), auto_refresh=False) as line:
        yield Live(line)


class Live(Silent):
    """Draws the line."""

    def __init__(self, line: Any) -> None:
        super().__init__()
        self._line = line

    def show(self, job: Job) -> None:
        super().show(job)
        width = self._line.console.width
        self._line.update(picture(job, width), refresh=True)


def picture(job: Job, width: int) -> Text:
    """State and bar on one line, the numbers below it; neither is wider than the terminal."""
    from rich.text import Text

    state = job.state.value.replace("_", " ")
    share = f"{percent(job):>4}"
    room = max(0, min(40, width - len(state) - len(share) - 3))
    done = room * job.counts.settled // max(1, job.counts.total)
    head = Text(f"{state} ", style="bold")
    head.append("━" * done, style="green").append("━" * (room - done), style="dim")
    parts = sentence(job).split("  ")
    while len(parts) > 1 and sum(map(len, parts)) + 2 * len(parts) > width:
        parts.pop(-2 if len(parts) > 2 else -1)
    return head.append(share, style="not bold").append("\n  ").append("  ".join(parts))


def percent(job: Job) -> str:
    """How much is settled; 100 % only when all is."""
    return f"{100 * job.counts.settled // max(1, job.counts.total)}%"


def sentence(job: Job) -> str:
    """The counts, the pace, what limits it, and how long it will take."""
    counts = job.counts
    parts = [f"{counts.settled:,}/{counts.total:,}"]
    shown = {name: getattr(counts, name) for name in ("failed", "unknown", "skipped")}
    parts += [f"{name} {number:,}" for name, number in shown.items() if number]
    pace = job.pace
    if not job.state.terminal and pace.get("limited_by"):
        limit = f" of {pace['limit_per_s']:g}/s" if pace["limit_per_s"] is not None else ""
        speed = f"{pace['items_per_s']:.1f}/s{limit}"
        parts.append(f"{speed}: {LIMITS.get(pace['limited_by'], pace['limited_by'])}")
    if pace.get("eta"):
        seconds = (datetime.fromisoformat(pace["eta"]) - datetime.now(UTC)).total_seconds()
        parts.append(f"about {duration(seconds)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
