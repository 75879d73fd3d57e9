"""`bulkhead creds`: push credentials, from a look at the file to a whole fleet."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from producers.cli.creds_file import explain, load, short
from producers.cli.output import chosen, output_option, show_list

COLUMNS = (
    *("file", "kind", "slot", "environment", "project", "uploadable", "not_after"),
    *("fingerprint", "problems"),
)
MEMBERS = (
    *("file", "kind", "slot", "uploadable", "fingerprint", "project", "bundle", "environment"),
    *("not_before", "not_after", "has_key", "key_matches", "problems"),
)
NOT_AS_IT_IS = 9


COMMANDS = {
    "inspect": ("creds", "inspect_"),
    "upload": ("creds_upload", "upload"),
    "adopt": ("creds_upload", "adopt"),
    "rotate": ("creds_rotate", "rotate"),
    "rollback": ("creds_rollback", "rollback"),
    "options": ("creds_options", "push_options"),
    "test": ("creds_test", "test"),
    "debug": ("creds_debug", "debug"),
    "status": ("creds_status", "status"),
    "history": ("creds_status", "history"),
}
"""Command → where it is. `inspect` needs no store, and must not load what the others do."""


class Lazy(click.Group):
    """Imports a command only to run it or to explain it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"producers.cli.{module}"), name)
        return command


@click.group(cls=Lazy)
def creds() -> None:
    """Push credentials: look at files, upload them, set options, test, and see what is where."""


@click.command("inspect")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@output_option
def inspect_(files: tuple[str, ...], form: str | None) -> int:
    """Say what each file is; exit 9 if one cannot be uploaded as it is.

    Needs no store and no network, and changes nothing. `-` is stdin.
    """
    loaded = load(files)
    _show([one.to_dict() for one in loaded], form)
    return 0 if all(one.reading.uploadable for one in loaded) else NOT_AS_IT_IS


def _show(rows: list[dict[str, Any]], form: str | None) -> None:
    if chosen(form) == "table":
        show_list((_short(row) for row in rows), COLUMNS, form)
        for row in rows:
            explain(row)
    elif chosen(form) == "csv":
        show_list(({**row, "problems": _codes(row)} for row in rows), MEMBERS, form)
    else:
        show_list(rows, MEMBERS, form)


def _codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in row["problems"]]


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "problems": _codes(row), "fingerprint": short(row["fingerprint"])}
