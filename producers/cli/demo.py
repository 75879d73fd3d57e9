"""`bulkhead demo`: a real file through every part, twice; a push key for twenty apps; a message."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bulkhead.model.job import Job
from bulkhead.settings import Settings
from producers.cli import demo_broadcast, demo_realtime, demo_rotation
from producers.cli.context import Context, pass_context
from producers.cli.demo_broadcast import Newsroom, Told
from producers.cli.demo_realtime import Signed, Studio
from producers.cli.demo_rotation import APPS, Rotations, Stage
from producers.cli.ensemble import Ensemble
from producers.cli.follow import Following, follow
from producers.cli.output import chosen, command_here, output_option, show_one
from producers.cli.sandbox_app import APP, received, register
from producers.cli.users import submit_file

INSTALLED = Path(__file__).with_name("people.csv")
PEOPLE = (
    INSTALLED if INSTALLED.exists() else Path(__file__).parents[2] / "examples" / INSTALLED.name
)
WORKERS = 2
RATE = 150.0
"""Calls a second: slow enough to watch, quick enough to wait for."""

FAULTS = [
    {"fault": "latency", "median_ms": 20, "p99_ms": 80},
    {"fault": "error5xx", "status": 503, "op": "useradd", "every": 50},
    {"fault": "reset", "op": "message", "every": 25},
]
"""A backend as it is on an ordinary day: some latency, one import's call in fifty fails, and one
message in twenty-five is never answered, so that nobody here can know whether it was sent."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo did, each number as two parties counted it: the jobs and the sandbox."""

    job: Job
    again: Job
    """The same file once more."""
    before: dict[str, Any]
    record: dict[str, Any]
    """The sandbox's totals between the two jobs, and after both."""
    rotations: Rotations
    message: Told
    live: Signed
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        counts = self.job.to_dict()["counts"]
        return {
            "file": "examples/people.csv",
            "job": self.job.id,
            "state": self.job.state.value,
            "counts": counts,
            "calls": self.job.attempts["calls"],
            "retries": self.job.attempts["retries"],
            "errors_by_code": self.job.to_dict()["errors_by_code"],
            "again": {
                "job": self.again.id,
                "state": self.again.state.value,
                "counts": self.again.to_dict()["counts"],
                "calls": self.again.attempts["calls"],
                "requests": self.record["requests"] - self.before["requests"],
            },
            "sandbox": {
                "requests": self.record["requests"],
                "people": self.record["distinct_keys"],
                "most_often_created": self.record["max_applied_per_key"],
            },
            "rotation": self.rotations.to_dict(),
            "broadcast": self.message.to_dict(),
            "realtime": self.live.to_dict(),
            "seconds": round(self.seconds, 1),
        }

    def disagreements(self) -> list[str]:
        """Where the jobs' numbers and the sandbox's do not agree; empty when all is well."""
        counts, again = self.job.counts, self.again.counts
        calls, requests = self.job.attempts["calls"], self.record["requests"]
        pairs = (
            ("rows, and rows accounted for", counts.total, _settled(self.job)),
            ("people created", counts.succeeded, self.record["distinct_keys"]),
            ("calls", calls, self.before["requests"]),
            ("rows the second time, and rows accounted for", again.total, _settled(self.again)),
            ("people skipped the second time", again.skipped, counts.succeeded),
            ("calls of both times", calls + self.again.attempts["calls"], requests),
        )
        wrong = [f"{name}: {ours} ≠ {theirs}" for name, ours, theirs in pairs if ours != theirs]
        parts = (self.rotations, self.message, self.live)
        return [*wrong, *(said for part in parts for said in part.disagreements())]


@click.command()
@output_option
@pass_context
def demo(ctx: Context, /, form: str | None) -> int:
    """Import a file, rotate a key and send a message, at a sandbox.

    It starts all parts itself and keeps nothing.
    """
    del ctx
    with tempfile.TemporaryDirectory(prefix="bh-", ignore_cleanup_errors=True) as folder:
        # The person's own settings play no part: a demo must not reach a real store.
        summary = _run(Context(Settings.load({"BULKHEAD_HOME": folder})), Path(folder))
    problems = summary.disagreements()
    if chosen(form) == "table":
        _tell(summary, problems)
    else:
        show_one({**summary.to_dict(), "disagreements": problems}, form)
    return 1 if problems else 0


def _run(ctx: Context, folder: Path) -> Summary:
    started = time.monotonic()
    faults = folder / "faults.json"
    faults.write_text(json.dumps(FAULTS))
    with (folder / "demo.log").open("wb") as log, Ensemble(ctx.settings, log) as ensemble:
        _say("store, sandbox and workers are starting")
        address = ensemble.add_sandbox(0, "--seed", "1", "--faults", str(faults))
        token, port = register(ctx, address, rate=RATE), ensemble.add_api(0)
        ensemble.play_realtime(address)
        ensemble.add_workers(min(WORKERS, os.cpu_count() or 1))
        ensemble.wait_for_workers(1, lambda: len(ctx.fleet.workers()))
        _say("importing examples/people.csv, as HR exports it, into demo/shop")
        job, before = _import(ctx), received(address, token)
        _say("importing the same file again: what is on the record is not sent again")
        again, record = _import(ctx), received(address, token)
        _say(f"a push key for {APPS} apps in three waves: first one that is bad, then a good one")
        rotations = Stage.build(ctx, address, port, folder).play()
        _say("groups of people, and a message to all of them")
        message = Newsroom.build(ctx, address, port, folder).play()
        _say("a message and a file in real time, with a stand-in for mesibo's package")
        live = Studio.build(ctx, address, folder).play()
    seconds = time.monotonic() - started
    return Summary(job, again, before, record, rotations, message, live, seconds)


def _import(ctx: Context) -> Job:
    job = submit_file(ctx, str(PEOPLE), APP)
    return follow(ctx.jobs, job, Following(watch=True, timeout=120.0))[0]


def _settled(job: Job) -> int:
    counts = job.counts
    return counts.succeeded + counts.failed + counts.skipped + counts.unknown


def _say(text: str) -> None:
    click.echo(text, err=True)


def _tell(summary: Summary, problems: list[str]) -> None:
    here = command_here()
    lines = [
        *_first_time(summary),
        *_second_time(summary.to_dict()["again"]),
        *demo_rotation.tell(summary.rotations),
        *demo_broadcast.tell(summary.message),
        *demo_realtime.tell(summary.live),
        f"{summary.seconds:.1f} s in all, at no more than {RATE:g} calls a second for demo/shop",
        "",
        *(f"THE NUMBERS DISAGREE: {problem}" for problem in problems),
        "Where to look next:",
        f"  {here} up --sandbox      everything running, and an import line to paste",
        "  docs/how-to/first-import.md  your first own file",
        "  docs/journey.md              what happened to a row on its way",
        "  docs/how-to/rotate-a-fleet.md  the same with your own keys and apps",
        "  docs/how-to/broadcast.md     a message of your own, and when it is sent",
        "  docs/how-to/realtime.md      the same as the user, and what the user hears",
    ]
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _first_time(summary: Summary) -> list[str]:
    told = summary.to_dict()
    counts, sandbox = told["counts"], told["sandbox"]
    return [
        "",
        f"{counts['total']:,} rows in the file, each accounted for:",
        f"  {counts['succeeded']:>6,} created; the sandbox knows {sandbox['people']:,} people, "
        f"none created more than {demo_broadcast.times(sandbox['most_often_created'])}",
        f"  {counts['failed']:>6,} refused before anything was sent:",
        *(
            f"         {entry['count']:>4,} {entry['code']:<20} "
            f"first on line {entry['first_lines'][0]}"
            for entry in told["errors_by_code"]
        ),
        f"  {told['calls']:>6,} calls; the sandbox received {summary.before['requests']:,}; "
        f"{told['retries']:,} failed there and were tried again",
        "",
    ]


def _second_time(again: dict[str, Any]) -> list[str]:
    counts = again["counts"]
    return [
        "The same file once more:",
        f"  {counts['skipped']:>6,} skipped, because the record says that they are done",
        f"  {counts['failed']:>6,} refused as before",
        f"  {again['calls']:>6,} calls; the sandbox received {again['requests']:,}",
        "",
    ]
