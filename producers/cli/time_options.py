"""When calls may be made, and what becomes of those that were never confirmed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.job import rfc3339
from bulkhead.model.unknown import ON_UNKNOWN
from bulkhead.model.when import parse_when, zone_named
from bulkhead.model.window import parse_window
from producers.cli.values import usage

Command = TypeVar("Command", bound=Callable[..., Any])
_WALL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ][\d:.]+")
NAMES = ("on_unknown", "window", "zone", "end_at")


def time_options(command: Command) -> Command:
    """Adds `--window`, `--zone`, `--end-at`, `--force-late` and `--on-unknown`.

    `take_asked` and `take_how` take them out of a command's options with those of their own.
    """
    for option in reversed(
        (
            click.option(
                "--window", metavar="HH:MM-HH:MM", help="No call outside these times of the day."
            ),
            click.option("--zone", metavar="ZONE", help="Whose clocks --window means."),
            click.option(
                "--end-at", metavar="WHEN", help="No call from then on; the rest is not attempted."
            ),
            click.option(
                "--force-late", is_flag=True, help="Begin, although it cannot all be done in time."
            ),
            click.option(
                "--on-unknown",
                type=click.Choice(ON_UNKNOWN),
                help="Of calls never confirmed: unknown rows (hold), sent again, or failed rows.",
            ),
        )
    ):
        command = option(command)
    return command


def take_time(
    options: dict[str, Any], at: float | None, clock: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Takes them out of a command's options, as members of a Request; none where it has none.

    `at` is when the job is to begin. Raises UsageProblem for an end that leaves no time.
    """
    if "on_unknown" not in options:
        return {}
    asked = {name: options.pop(name) for name in NAMES}
    zone = asked["zone"]
    if zone is not None and asked["window"] is None and asked["end_at"] is None:
        raise UsageProblem(
            "--zone says nothing by itself",
            why="it is the zone of --window and --end-at, and neither is given",
            to_do="add one of them, or leave it away",
        )
    with usage():
        window = _window(asked["window"], zone)
        end = None if asked["end_at"] is None else _end(asked["end_at"], zone, clock())
    if end is not None:
        _refuse_no_time(end, at, clock())
    return {"on_unknown": asked["on_unknown"] or "", "window": window, "deadline": end}


def _window(hours: str | None, zone: str | None) -> str:
    if hours is None:
        return ""
    if zone is not None:
        return parse_window(f"{hours}[{zone_named(zone).key}]").written
    window = parse_window(hours)
    if not hours.rstrip().endswith("]"):
        raise UsageProblem(
            f"--window {hours}: in which time zone?",
            why="hours of the day are not the same hours everywhere",
            to_do="add --zone, such as --zone Europe/Berlin or --zone UTC",
        )
    return window.written


def _end(text: str, zone: str | None, now: float) -> float:
    """The instant; a wall time without a zone is that of `--zone`."""
    if zone is None or not _WALL_TIME.fullmatch(text.strip()):
        return parse_when(text, now)
    return parse_when(f"{text}[{zone_named(zone).key}]", now)


def _refuse_no_time(end: float, at: float | None, now: float) -> None:
    if end <= now:
        why = f"{rfc3339(end * 1e6)} has passed"
    elif at is not None and end <= at:
        why = f"it begins at {rfc3339(at * 1e6)}, and would end at {rfc3339(end * 1e6)}"
    else:
        return
    raise UsageProblem(
        "--end-at leaves no time for a call",
        why=why,
        to_do="give a later end, or an earlier --at",
    )
