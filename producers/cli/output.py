"""Data on stdout, in the form that was asked for; everything else goes to stderr."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Row = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])
FORMS = ("table", "json", "jsonl", "csv")

output_option = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMS),
    help="Form of the output; a table on a terminal, else json.",
)


def chosen(form: str | None) -> str:
    """The form asked for, or what suits the place the output goes to."""
    return form or ("table" if sys.stdout.isatty() else "json")


def show_list(rows: Iterable[Row], columns: Sequence[str], form: str | None) -> None:
    """Print a list: one JSON array, one JSON object a line, CSV, or a table of these columns."""
    match chosen(form):
        case "json":
            _array(rows)
        case "jsonl":
            for row in rows:
                _echo(json.dumps(row, ensure_ascii=False))
        case "csv":
            _csv(rows, columns)
        case _:
            _table(rows, columns)


def show_one(row: Row, form: str | None) -> None:
    """Print one object: JSON, or its members line by line."""
    match chosen(form):
        case "json":
            _echo(json.dumps(row, ensure_ascii=False, indent=2))
        case "jsonl":
            _echo(json.dumps(row, ensure_ascii=False))
        case "csv":
            _csv([row], list(row))
        case _:
            _members(row)


def _array(rows: Iterable[Row]) -> None:
    """One JSON array, written as the rows come: a million results need no memory."""
    before = "[\n  "
    for row in rows:
        click.echo(before + json.dumps(row, ensure_ascii=False), nl=False)
        before = ",\n  "
    click.echo("\n]" if before.startswith(",") else "[]")


def _echo(text: str) -> None:
    click.echo(text)


def _csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([plain(row.get(column)) for column in columns])
        click.echo(buffer.getvalue(), nl=False)
        buffer.seek(0)
        buffer.truncate()
    click.echo(buffer.getvalue(), nl=False)


def _table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    from producers.cli.table import print_table

    print_table(([plain(row.get(column)) for column in columns] for row in rows), columns)


def _members(row: Row) -> None:
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        _echo(f"{name.replace('_', ' '):<{width}}  {plain(value)}".rstrip())


def plain(value: Any) -> str:
    """A value as a cell: empty for nothing, words for truth, JSON for the rest."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, Sequence) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def command_here() -> str:
    """How this command is typed in another terminal."""
    typed = Path(sys.argv[0])
    found = shutil.which("bulkhead")
    if found and Path(found).resolve() == typed.resolve():
        return "bulkhead"
    return str(typed) if typed.name == "bulkhead" else f"{sys.executable} -m producers.cli"
