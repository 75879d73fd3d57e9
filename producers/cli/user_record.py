"""`bulkhead users list` and `export`: the users of an app as our own record has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from bulkhead.engine.record import Record
from bulkhead.model.job import rfc3339
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list
from producers.cli.people import app_option
from producers.cli.values import COUNT
from producers.rows.formula import neutralise

COLUMNS = ("address", "token", "job", "at")


@click.command("list")
@app_option
@click.option("--limit", type=COUNT, metavar="N", help="Only so many.")
@click.option("--match", metavar="PREFIX", default="", help="Only addresses that begin so.")
@output_option
@pass_context
def list_(ctx: Context, /, app: str, limit: int | None, match: str, form: str | None) -> None:
    """List the users our record has of an app, in no order.

    The record is what jobs of ours did. What was changed elsewhere cannot be seen: users made or
    deleted in the console, by another program, or before Bulkhead was used.
    """
    show_list(islice(_entries(ctx, app, match), limit), COLUMNS, form)


@click.command("export")
@app_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="Of what is written.",
)
@pass_context
def export(ctx: Context, /, app: str, kind: str) -> None:
    """Write the users our record has of an app, as a stream.

    The CSV can be imported again, and deleted from. As with `users list`, what was changed
    elsewhere cannot be seen.
    """
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    found = _entries(ctx, app)
    if kind == "csv":
        # What a spreadsheet would run as a formula; importing takes the mark off again.
        found = ({**one, "address": neutralise(one["address"])} for one in found)
    show_list(found, COLUMNS, kind)


def _entries(ctx: Context, app: str, begins: str = "") -> Iterator[dict[str, Any]]:
    name = ctx.fleet.app(ctx.app_id(app)).id
    for entry in Record(ctx.scripts).entries(name):
        if entry.address.startswith(begins):
            yield {
                "address": entry.address,
                "token": entry.token,
                "job": entry.job,
                "at": rfc3339(entry.at * 1e6),
            }
