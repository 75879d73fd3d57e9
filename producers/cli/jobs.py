"""`bulkhead jobs`: how far they are, and what came of each row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import click

from bulkhead.model.job import Counts, JobState
from bulkhead.model.result import WORDS
from producers.cli.audit import audit
from producers.cli.brakes import cancel, pause, resume
from producers.cli.context import Context, pass_context
from producers.cli.explain import explain
from producers.cli.follow import Following, finish, follow_options, show_job
from producers.cli.job_tokens import tokens
from producers.cli.output import chosen, output_option, show_list
from producers.cli.retry import retry
from producers.cli.values import COUNT
from producers.rows.errors_file import FailedRow, write_errors
from producers.rows.formula import neutralise

COUNTED = ("total", "succeeded", "skipped", "failed", "unknown")
COLUMNS = ("id", "kind", "app", "state", *COUNTED, "rest", "created_at")
CSV_COLUMNS = (
    *("id", "kind", "tenant", "app", "state", *(field.name for field in fields(Counts))),
    *("created_at", "finished_at", "idempotency_key", "parent", "labels"),
)
RESULT_COLUMNS = ("line", "address", "outcome", "detail", "code", "message", "attempts")
RESULT_CSV_COLUMNS = (
    *("line", "address", "custom_id", "app", "outcome", "detail", "code", "message", "hint"),
    *("retryable", "upstream", "attempts", "first_attempt_at", "last_attempt_at"),
)
ERROR_COLUMNS = ("line", "code", "message", "hint")
BY_APP = ("app", "outcome", "detail", "code", "message", "attempts")
ERRORS_BY_APP = ("app", "code", "message", "hint")
"""Of a job over many apps, whose rows came from no file of a person's."""


@click.group()
def jobs() -> None:
    """Jobs: watch, pause, resume, cancel, retry; results, errors."""


jobs.add_command(retry)


for command in (audit, explain, pause, resume, cancel, tokens):
    jobs.add_command(command)


@jobs.command("list")
@click.option("--tenant", metavar="T", help="Only this tenant's.")
@click.option("--app", metavar="APP", help="Only this app's.")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in JobState]),
    multiple=True,
    help="Only in this state. May be repeated.",
)
@click.option("--limit", type=COUNT, metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(
    ctx: Context,
    /,
    tenant: str | None,
    app: str | None,
    states: tuple[str, ...],
    limit: int | None,
    form: str | None,
) -> None:
    """List jobs, newest first."""
    if tenant:
        ctx.fleet.tenant(tenant)
    whose = ctx.fleet.app(ctx.app_id(app)) if app else None
    found = ctx.jobs.newest(
        tenant or (whose.tenant if whose else None),
        limit,
        lambda job: (not whose or job.app == whose.id) and (not states or job.state in states),
    )
    if chosen(form) in ("table", "csv"):
        columns = CSV_COLUMNS if chosen(form) == "csv" else COLUMNS
        show_list([_flat(job.to_dict()) for job in found], columns, form)
    else:
        show_list([job.to_dict() for job in found], COLUMNS, form)


@jobs.command("show")
@click.argument("job")
@output_option
@pass_context
def show(ctx: Context, /, job: str, form: str | None) -> None:
    """Show one job."""
    show_job(ctx.jobs.get(job), form)


@jobs.command("watch")
@click.argument("job")
@follow_options
@output_option
@pass_context
def watch(ctx: Context, /, job: str, form: str | None, **following: Any) -> int:
    """Follow a job with progress; Ctrl-C stops watching, not the job."""
    return finish(ctx.jobs, ctx.jobs.get(job), Following(**{**following, "watch": True}), form)


@jobs.command("wait")
@click.argument("job")
@follow_options
@output_option
@pass_context
def wait(ctx: Context, /, job: str, form: str | None, **following: Any) -> int:
    """Wait for a job to end; the exit code tells how it ended."""
    return finish(ctx.jobs, ctx.jobs.get(job), Following(**{**following, "wait": True}), form)


@jobs.command("results")
@click.argument("job")
@click.option(
    "--outcome",
    "outcomes",
    type=click.Choice(WORDS),
    multiple=True,
    help="Only these; may be repeated.",
)
@output_option
@pass_context
def results(ctx: Context, /, job: str, outcomes: tuple[str, ...], form: str | None) -> None:
    """Print what became of each row so far."""
    wanted = frozenset(outcomes) or None
    found = (result.to_dict() for result in ctx.jobs.results(job, wanted))
    if chosen(form) in ("table", "csv"):
        flat = ({**row, **row["key"]} for row in found)
        if chosen(form) == "csv":
            show_list(map(_safe, flat), _with_gid(ctx, job, RESULT_CSV_COLUMNS), form)
        else:
            columns = BY_APP if _is_over_apps(ctx, job) else RESULT_COLUMNS
            show_list(flat, _with_gid(ctx, job, columns), form)
    else:
        show_list(found, RESULT_COLUMNS, form)


@jobs.command("errors")
@click.argument("job")
@output_option
@pass_context
def errors(ctx: Context, /, job: str, form: str | None) -> None:
    """Print the failed rows, reason and fix; `-o csv` can be imported."""
    failed = ctx.jobs.results(job, frozenset({"failed"}))
    if _is_over_apps(ctx, job):
        rows_by_app = (result.to_dict() for result in failed)
        csv = chosen(form) == "csv"
        show_list(map(_safe, rows_by_app) if csv else rows_by_app, ERRORS_BY_APP, form)
    elif chosen(form) == "csv":
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        rows = (
            FailedRow(one.line, one.cells, one.code or "", one.message or "", one.hint or "")
            for one in failed
        )
        write_errors(ctx.jobs.columns(job), rows, sys.stdout)
    else:
        show_list((result.to_dict() for result in failed), ERROR_COLUMNS, form)


def _with_gid(ctx: Context, job: str, columns: Sequence[str]) -> Sequence[str]:
    """The columns, and that of the groups where a job's rows may be groups."""
    if ctx.jobs.get(job).kind != "broadcast":
        return columns
    place = columns.index("address")
    return (*columns[:place], "gid", *columns[place:])


def _is_over_apps(ctx: Context, job: str) -> bool:
    return ctx.jobs.get(job).app is None


def _safe(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a spreadsheet shows it without running a cell of it."""
    return {
        name: neutralise(value) if isinstance(value, str) else value for name, value in row.items()
    }


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """The job in one row; `rest` is what is left to do, or was when the job ended."""
    counts = document["counts"]
    rest = counts["total"] - sum(counts[name] for name in COUNTED[1:])
    return {**document, **counts, "rest": rest, **document["times"]}
