"""`bulkhead apps stats`: what an app's calls came to in a month."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list, show_one

COLUMNS = (
    *("app", "month", "calls_total", "users_touched", "bytes_sent", "bytes_received"),
    *("since", "calls"),
)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


@click.command("stats")
@click.argument("app", required=False)
@click.option("--all", "every", is_flag=True, help="Every app.")
@click.option("--month", metavar="YYYY-MM", help="Another month, in UTC. [this one]")
@output_option
@pass_context
def stats(
    ctx: Context, /, app: str | None, every: bool, month: str | None, form: str | None
) -> None:
    """Count an app's calls, the users they touched, and bytes.

    mesibo bills a user once in a month in which any backend call touched it. The users shown here
    are our estimate of that: distinct addresses in calls that we made, to about 1 %. Calls made
    elsewhere, and users active on their own, are not in it.
    """
    from bulkhead.engine.stats import stats as read

    if (app is None) == (not every):
        raise UsageProblem(
            "it is not clear whose statistics are meant",
            why="either one APP is named, or --all is given",
            to_do="bulkhead apps stats acme/shop, or bulkhead apps stats --all",
        )
    if month is not None and not _MONTH.fullmatch(month):
        raise UsageProblem(
            f"{month!r} is not a month",
            why="a month is a year, a dash and two digits",
            to_do="write it like 2026-11",
        )
    shown = month or datetime.now(UTC).strftime("%Y-%m")
    if app is not None:
        name = ctx.fleet.app(ctx.app_id(app)).id
        show_one(read(ctx.scripts, [name], shown)[0].to_dict(), form)
        return
    names = [each.id for each in ctx.fleet.apps()]
    show_list([found.to_dict() for found in read(ctx.scripts, names, shown)], COLUMNS, form)
