"""`bulkhead jobs pause|resume|cancel`: the brakes, of one job or of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.follow import show_job
from producers.cli.output import output_option, show_one

Command = TypeVar("Command", bound=Callable[..., Any])
DONE = {"pause": "paused", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the words of a brake ask for."""

    job: str | None
    all_: bool
    app: str | None
    tenant: str | None
    why: str
    yes: bool


def brake_options(command: Command) -> Command:
    """Adds JOB, or `--all` with what narrows it."""
    for option in reversed(
        (
            click.argument("job", required=False),
            click.option("--all", "all_", is_flag=True, help="Every open job instead of one."),
            click.option("--app", metavar="APP", help="With --all: only this app's."),
            click.option("--tenant", metavar="T", help="With --all: only this tenant's."),
            click.option("--why", default="", help="A word for whoever wonders."),
            click.option("--yes", is_flag=True, help="With --all: do not ask."),
        )
    ):
        command = option(command)
    return command


@click.command("pause")
@brake_options
@output_option
@pass_context
def pause(ctx: Context, /, form: str | None, **wanted: Any) -> None:
    """Start no new call after 2 s; calls in flight finish."""
    _brake(ctx, "pause", Wanted(**wanted), form)


@click.command("resume")
@click.argument("job")
@output_option
@pass_context
def resume(ctx: Context, /, job: str, form: str | None) -> None:
    """Let a paused job go on where it stopped."""
    show_job(ctx.jobs.control(job, "resume"), form)


@click.command("cancel")
@brake_options
@output_option
@pass_context
def cancel(ctx: Context, /, form: str | None, **wanted: Any) -> None:
    """End a job for good; its results stay readable."""
    _brake(ctx, "cancel", Wanted(**wanted), form)


def _brake(ctx: Context, verb: str, wanted: Wanted, form: str | None) -> None:
    if bool(wanted.job) == wanted.all_:
        raise UsageProblem(
            f"it is not clear what to {verb}",
            why="give one JOB, or --all, and not both",
            to_do=f"write `bulkhead jobs {verb} JOB`, or `bulkhead jobs {verb} --all --app APP`",
        )
    if wanted.job:
        if wanted.app or wanted.tenant:
            raise UsageProblem(
                "--app and --tenant go with --all",
                why=f"{wanted.job} names one job already",
                to_do="leave them away",
            )
        show_job(ctx.jobs.control(wanted.job, verb, why=wanted.why), form)
    else:
        _brake_all(ctx, verb, wanted, form)


def _brake_all(ctx: Context, verb: str, wanted: Wanted, form: str | None) -> None:
    from bulkhead.engine.brakes import Brakes

    app = ctx.fleet.app(ctx.app_id(wanted.app)).id if wanted.app else None
    tenant = ctx.fleet.tenant(wanted.tenant).name if wanted.tenant else None
    if app and tenant and not app.startswith(f"{tenant}/"):
        raise UsageProblem(
            f"app {app} is not one of tenant {tenant}",
            why="no job can be of both",
            to_do="give --app or --tenant",
        )
    brakes = Brakes(ctx.scripts)
    whose = f"of {app or tenant}" if app or tenant else "of every tenant"
    number = len(brakes.open_jobs(app, tenant))
    if number:
        ctx.confirm(f"{verb.capitalize()} all {number:,} open jobs {whose}?", wanted.yes)
    told = {"app": app or "", "tenant": tenant or "", "why": wanted.why}
    ctx.audit(f"jobs.{verb}", **told, open_jobs=str(number))
    changed = brakes.all_jobs(verb, app=app, tenant=tenant, why=wanted.why)
    show_one({DONE[verb]: len(changed), "jobs": changed}, form)
