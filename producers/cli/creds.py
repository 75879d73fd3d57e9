"""`bulkhead creds`: push credentials, from a look at the file to a whole fleet."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import UsageProblem
from producers.cli.output import chosen, output_option, show_list

if TYPE_CHECKING:
    from bulkhead.credential.reading import Reading

STDIN = "-"
COLUMNS = (
    *("file", "kind", "slot", "environment", "project", "uploadable", "not_after"),
    *("fingerprint", "problems"),
)
MEMBERS = (
    *("file", "kind", "slot", "uploadable", "fingerprint", "project", "bundle", "environment"),
    *("not_before", "not_after", "has_key", "key_matches", "problems"),
)
NOT_AS_IT_IS = 9
SHOWN = 12
"""Digits of a fingerprint in a table."""


@click.group()
def creds() -> None:
    """Push credentials: say what a file is before it is uploaded."""


@creds.command("inspect")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@output_option
def inspect_(files: tuple[str, ...], form: str | None) -> int:
    """Say what each file is; exit 9 if one cannot be uploaded as it is.

    Needs no store and no network, and changes nothing. `-` is stdin.
    """
    if files.count(STDIN) > 1:
        raise UsageProblem("stdin is named twice", why="it can be read once", to_do="name `-` once")
    readings = [(file, _read(file)) for file in files]
    _show(readings, form)
    return 0 if all(reading.uploadable for _, reading in readings) else NOT_AS_IT_IS


def _read(file: str) -> Reading:
    from bulkhead.credential.inspection import inspect, take, unreadable

    now = datetime.now(UTC)
    if file == STDIN:
        return inspect(take(sys.stdin.buffer), None, now)
    try:
        with open(file, "rb") as stream:
            return inspect(take(stream), file, now)
    except (OSError, ValueError) as error:
        return unreadable(getattr(error, "strerror", None) or "it has a name that no file can have")


def _show(readings: list[tuple[str, Reading]], form: str | None) -> None:
    rows = [{"file": click.format_filename(file), **one.to_dict()} for file, one in readings]
    if chosen(form) == "table":
        show_list((_short(row) for row in rows), COLUMNS, form)
        for row in rows:
            _explain(row)
    elif chosen(form) == "csv":
        show_list(({**row, "problems": _codes(row)} for row in rows), MEMBERS, form)
    else:
        show_list(rows, MEMBERS, form)


def _codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in row["problems"]]


def _short(row: dict[str, Any]) -> dict[str, Any]:
    long = row["fingerprint"] or ""
    fingerprint = f"{long[:SHOWN]}…" if len(long) > SHOWN else long
    return {**row, "problems": _codes(row), "fingerprint": fingerprint}


def _explain(row: dict[str, Any]) -> None:
    """What is wrong, below the table; a command stands alone on its line, to be copied."""
    printed: set[str] = set()
    for problem in row["problems"]:
        click.echo(f"\n{row['file']}: {problem['what']}")
        click.echo(f"  why: {problem['why']}")
        click.echo(f"  to do: {problem['to_do']}")
        if problem["command"] not in (None, *printed):
            click.echo(f"\n{problem['command']}")
            printed.add(problem["command"])
