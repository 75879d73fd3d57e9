"""What every command takes that makes a job, and the part of the request it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.budget import is_budget
from bulkhead.model.job import PRIORITIES
from producers.cli.follow import Following, follow_options
from producers.cli.time_options import take_time
from producers.cli.values import COUNT, RATE, TIME_LIMIT, WHEN

Command = TypeVar("Command", bound=Callable[..., Any])
NAMES = (
    *("idempotency_key", "labels", "priority", "max_attempts", "max_failures", "at"),
    *("retry_first", "retry_longest", "give_up_after", "rate"),
)
"""Parameters of a command that become members of a Request."""


def _key(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str:
    """The key, or empty without the option: an unset shell variable must not make a second job."""
    if value is not None and not value.strip():
        raise UsageProblem(
            "--idempotency-key is empty",
            why="without a key the same command makes a second job",
            to_do="give a text of your own, or leave the option away",
        )
    return value or ""


def job_options(command: Command) -> Command:
    """What every command takes that makes a job."""
    for option in reversed(
        (
            click.option(
                "--idempotency-key", metavar="K", callback=_key, help="Same key, same job."
            ),
            click.option(
                "--label", "labels", metavar="K=V", multiple=True, help="May be repeated."
            ),
            click.option(
                "--priority",
                type=click.Choice(list(PRIORITIES)),
                help="Share inside its app.",
            ),
            click.option("--max-attempts", type=COUNT, metavar="N", help="Attempts at one item."),
            click.option(
                "--retry-first", type=TIME_LIMIT, metavar="D", help="Longest first pause."
            ),
            click.option("--retry-longest", type=TIME_LIMIT, metavar="D", help="Longest pause."),
            click.option(
                "--give-up-after", type=TIME_LIMIT, metavar="D", help="No later attempt than this."
            ),
            click.option(
                "--max-failures", metavar="N|P%", default="", help="Pause when more have failed."
            ),
            click.option(
                "--rate", type=RATE, metavar="N/s", help="Most calls of this job a second."
            ),
            click.option("--at", type=WHEN, metavar="WHEN", help="Make no call before this time."),
        )
    ):
        command = option(command)
    return follow_options(command)


def quote_options(command: Command) -> Command:
    """What a command takes beside, that may be told first what it would do."""
    for option in reversed(
        (
            click.option(
                "--dry-run", is_flag=True, help="Only say what it would do and take; send nothing."
            ),
            click.option("--yes", is_flag=True, help="Do not ask."),
        )
    ):
        command = option(command)
    return command


tokens_out_option = click.option(
    "--tokens-out", metavar="FILE", help="Write issued tokens to this new file (mode 0600)."
)


@dataclass(frozen=True, slots=True)
class How:
    """How a command that makes a job goes about it."""

    dry_run: bool
    yes: bool
    following: Following
    tokens_out: str | None = None
    force_late: bool = True
    """True if it is to begin though it cannot all be done in time; also where nobody asks."""
    """The file that gets the user tokens which the job issues."""


def take_how(options: dict[str, Any]) -> How:
    """Takes what `quote_options`, `follow_options` and `tokens_out_option` added out of them.

    Raises UsageProblem for a file of tokens that nobody would wait for.
    """
    names = ("wait", "watch", "timeout", "progress")
    following = Following(**{name: options.pop(name) for name in names})
    out = options.pop("tokens_out", None)
    late = options.pop("force_late", True)
    how = How(options.pop("dry_run"), options.pop("yes"), following, out, late)
    if out == "-":
        raise UsageProblem(
            "--tokens-out needs a file",
            why="the job document goes to stdout, and tokens do not mix with it",
            to_do="name a new file, or pipe `bulkhead jobs tokens JOB --out -` later",
        )
    waits = following.wait or following.watch or following.progress
    if out is not None and not (waits or how.dry_run):
        raise UsageProblem(
            "--tokens-out needs --wait or --watch",
            why="the tokens are written when the job has ended",
            to_do="add --wait, or fetch them later with `bulkhead jobs tokens JOB --out FILE`",
        )
    return how


def take_asked(options: dict[str, Any]) -> dict[str, Any]:
    """Takes what `job_options` and `time_options` added out of them, as members of a Request.

    Raises UsageProblem for a label or a number of failures that makes no sense.
    """
    asked = {name: options.pop(name) for name in NAMES}
    asked |= take_time(options, asked["at"])
    asked["priority"] = asked["priority"] or ""
    asked["labels"] = parse_labels(asked["labels"])
    if asked["max_failures"] and not is_budget(asked["max_failures"]):
        raise UsageProblem(
            f"{asked['max_failures']!r} is not a number of failures",
            why="it is a whole number, or a part of the rows in percent",
            to_do="write it like --max-failures 50 or --max-failures 2%",
        )
    return asked


def parse_labels(labels: tuple[str, ...]) -> dict[str, str]:
    """`k=v` pairs as a mapping. Raises UsageProblem."""
    pairs = [label.partition("=") for label in labels]
    for name, sign, _ in pairs:
        if not (name and sign):
            raise UsageProblem(
                f"{name!r} is not a label",
                why="a label is a name, = and a value",
                to_do="write it like --label source=hr",
            )
    return {name: value for name, _, value in pairs}
