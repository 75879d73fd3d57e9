"""`bulkhead broadcast`: one message to groups and people, looked at first, stopped at any time."""

from __future__ import annotations

from typing import Any

import click

from producers.cli.broadcast_create import create
from producers.cli.broadcast_preview import preview
from producers.cli.broadcast_stats import stats
from producers.cli.broadcast_test import test
from producers.cli.context import Context, pass_context
from producers.cli.follow import show_job
from producers.cli.output import chosen, output_option, show_list
from producers.cli.values import COUNT

COLUMNS = ("id", "app", "from", "message", "state", "total", "succeeded", "unknown", "created_at")
SHOWN = 40
"""Characters of a message in a list."""


@click.group()
def broadcast() -> None:
    """Broadcasts: create, preview, test, pause, resume, stop, stats."""


for command in (create, preview, stats, test):
    broadcast.add_command(command)


@broadcast.command("pause")
@click.argument("job")
@click.option("--why", default="", help="A word for whoever wonders.")
@output_option
@pass_context
def pause(ctx: Context, /, job: str, why: str, form: str | None) -> None:
    """Start no new call after 2 s; calls in flight finish."""
    _control(ctx, job, "pause", why, form)


@broadcast.command("resume")
@click.argument("job")
@output_option
@pass_context
def resume(ctx: Context, /, job: str, form: str | None) -> None:
    """Let a paused broadcast go on, and a held one begin."""
    _control(ctx, job, "resume", "", form)


@broadcast.command("stop")
@click.argument("job")
@click.option("--why", default="", help="A word for whoever wonders.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def stop(ctx: Context, /, job: str, why: str, yes: bool, form: str | None) -> None:
    """End a broadcast for good; no new call after 2 s."""
    from bulkhead.broadcasting import broadcast_of

    found = broadcast_of(ctx.scripts, job)
    left = found.counts.pending + found.counts.in_flight
    if not found.state.terminal:
        ctx.confirm(f"Stop the broadcast for good, with {left:,} recipients left?", yes)
    _control(ctx, job, "cancel", why, form)


@broadcast.command("list")
@click.option("--app", metavar="APP", help="Only this app's.")
@click.option("--limit", type=COUNT, metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(ctx: Context, /, app: str | None, limit: int | None, form: str | None) -> None:
    """List broadcasts, newest first."""
    from bulkhead.broadcasting import KIND

    name = ctx.fleet.app(ctx.app_id(app)).id if app else None
    found = ctx.jobs.newest(
        name.split("/")[0] if name else None,
        limit,
        lambda job: job.kind == KIND and name in (None, job.app),
    )
    if chosen(form) in ("table", "csv"):
        show_list([_row(ctx, job.to_dict()) for job in found], COLUMNS, form)
    else:
        show_list([job.to_dict() for job in found], COLUMNS, form)


def _row(ctx: Context, document: dict[str, Any]) -> dict[str, Any]:
    params = ctx.jobs.params(document["id"])
    said = " ".join((params.get("message") or params.get("url") or "").split())
    told = {"from": params.get("from"), "message": said[:SHOWN]}
    return {**document, **document["counts"], **document["times"], **told}


def _control(ctx: Context, job: str, verb: str, why: str, form: str | None) -> None:
    from bulkhead.broadcasting import broadcast_of

    broadcast_of(ctx.scripts, job)
    show_job(ctx.jobs.control(job, verb, why=why), form)
