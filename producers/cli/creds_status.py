"""`bulkhead creds status` and `creds history`: what our record says of credentials."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.creds_file import short
from producers.cli.output import chosen, output_option, show_list
from producers.cli.values import DURATION

if TYPE_CHECKING:
    from bulkhead.model.app import App
    from bulkhead.model.push import Doubt, InSlot

DAY = 86400.0
EXPIRES = 12
API_WINS = "API wins over console"
COLUMNS = (
    *("app", "slot", "project", "environment", "not_after", "days_left", "at", "by", "job"),
    *("console", "in_doubt", "fingerprint"),
)
MEMBERS = (
    *("app", "slot", "kind", "fingerprint", "project", "bundle", "environment", "not_after"),
    *("days_left", "at", "by", "job", "edition", "console", "in_doubt", "credential", "file"),
)
PAST = ("at", "slot", "fingerprint", "project", "environment", "not_after", "by", "job", "file")
"""Digits of a fingerprint in a table."""


@click.command("status")
@click.option("--app", metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT.")
@click.option(
    "--fail-within", type=DURATION, metavar="D", help="Exit 12 if one expires within this."
)
@output_option
@pass_context
def status(ctx: Context, /, app: str | None, fail_within: float | None, form: str | None) -> int:
    """List the credentials in all apps' slots, by our record.

    FCM's have no end. What was uploaded elsewhere is not known, unless it was adopted.
    """
    from bulkhead.engine.push_record import PushRecord

    apps = [ctx.fleet.app(ctx.app_id(app))] if app else ctx.fleet.apps()
    names, record, now = [one.id for one in apps], PushRecord(ctx.scripts), time.time()
    slots, doubts = record.slots_of(names), record.doubts_of(names)
    rows = [
        {**_row(one, entry, now), "in_doubt": _job(doubts[one.id].get(entry.slot))}
        for one in apps
        for entry in slots[one.id].values()
    ]
    _show(rows, (COLUMNS, MEMBERS), form)
    if not rows:
        click.echo("no credential was uploaded or adopted through us", err=True)
    _tell(doubts)
    if fail_within is None:
        return 0
    soon = list(_within(rows, fail_within / DAY))
    for row in soon:
        ends = f"{row['not_after']}, in {row['days_left']:g} days"
        click.echo(f"{row['app']} {row['slot']} expires at {ends}", err=True)
    return EXPIRES if soon else 0


@click.command("history")
@click.argument("app")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The newest N only.")
@output_option
@pass_context
def history(ctx: Context, /, app: str, limit: int | None, form: str | None) -> None:
    """List what was put into an app's slots, newest first."""
    from bulkhead.engine.push_record import PushRecord

    name = ctx.fleet.app(ctx.app_id(app)).id
    entries = PushRecord(ctx.scripts).history(name, limit)
    _show([entry.to_dict() for entry in entries], (PAST, (*PAST, "credential")), form)


def _job(doubt: Doubt | None) -> str | None:
    return doubt.job if doubt else None


def _tell(doubts: Mapping[str, Mapping[str, Doubt]]) -> None:
    for app, slots in doubts.items():
        for slot, doubt in slots.items():
            click.echo(
                f"it is not certain what {slot} of {app} holds: {doubt.job} sends another file, or "
                "sent it and had no answer; the next upload to it settles that",
                err=True,
            )


def _show(
    rows: Sequence[dict[str, Any]], columns: tuple[Sequence[str], Sequence[str]], form: str | None
) -> None:
    if chosen(form) == "table":
        show_list(map(_short, rows), columns[0], form)
    else:
        show_list(rows, columns[1], form)


def _row(app: App, entry: InSlot, now: float) -> dict[str, Any]:
    ends = entry.not_after
    onprem = app.settings.edition == "onprem"
    return {
        "app": app.id,
        **entry.to_dict(),
        "days_left": None if ends is None else math.floor((ends - now) / DAY * 10) / 10,
        "edition": app.settings.edition,
        "console": API_WINS if onprem else None,
    }


def _within(rows: Iterable[dict[str, Any]], days: float) -> Iterator[dict[str, Any]]:
    return (row for row in rows if row["days_left"] is not None and row["days_left"] <= days)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "fingerprint": short(row["fingerprint"])}
