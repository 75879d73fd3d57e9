"""`bulkhead creds`: push credentials, from a look at the file to a whole fleet."""

from __future__ import annotations

from typing import Any

import click

from producers.cli.creds_debug import debug
from producers.cli.creds_file import explain, load
from producers.cli.creds_options import push_options
from producers.cli.creds_status import history, status
from producers.cli.creds_test import test
from producers.cli.creds_upload import adopt, upload
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
SHOWN = 12
"""Digits of a fingerprint in a table."""


@click.group()
def creds() -> None:
    """Push credentials: look at files, upload them, set options, test, and see what is where."""


@creds.command("inspect")
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
    long = row["fingerprint"] or ""
    fingerprint = f"{long[:SHOWN]}…" if len(long) > SHOWN else long
    return {**row, "problems": _codes(row), "fingerprint": fingerprint}


for command in (upload, adopt, push_options, test, debug, status, history):
    creds.add_command(command)
