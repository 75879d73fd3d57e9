"""`bulkhead schedules`: jobs that are made again and again, at wall times of a zone."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import click

from bulkhead.engine.schedules import Schedules
from bulkhead.errors import NotFound, UsageProblem
from bulkhead.model.cron import Cron
from bulkhead.model.schedule import MISFIRES, OVERLAPS, Rules, Schedule, coming
from producers.cli.context import Context, pass_context
from producers.cli.follow import Following, finish, follow_options
from producers.cli.output import chosen, output_option, show_list, show_one
from producers.cli.values import COUNT, usage

COLUMNS = ("schedule", "state", "cron", "zone", "next_at", "kind", "app", "last_error")
OF_AN_INSTANT = ("instant", "local", "fires_at")
OF_A_FIRING = ("instant", "outcome", "job", "state", "missed", "why")


@click.group()
def schedules() -> None:
    """Schedules: jobs made again and again, at times of a zone."""


@schedules.command("create")
@click.argument("name")
@click.option("--cron", required=True, metavar="LINE", help='Such as "0 9 * * MON".')
@click.option("--zone", required=True, metavar="ZONE", help="Such as Europe/Berlin, or UTC.")
@click.option(
    "--misfire",
    type=click.Choice(MISFIRES),
    default="skip",
    show_default=True,
    help="What is done where no worker was there: nothing, or one job as soon as one is.",
)
@click.option(
    "--overlap",
    type=click.Choice(OVERLAPS),
    default="skip",
    show_default=True,
    help="While the job before has not ended: no job, or one all the same.",
)
@click.option(
    "--audience-from", "audience", metavar="FILE", help="Read this file with each firing."
)
@click.option("--exact", is_flag=True, help="Fire to the second, without the fixed offset.")
@output_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND…")
@pass_context
def create(ctx: Context, /, name: str, command: tuple[str, ...], **options: Any) -> None:
    """Make a schedule of a command, written behind `--`.

    What the command reads is read now and kept, but for --audience-from.
    """
    from producers.cli.schedule_making import make

    form = options.pop("form")
    with usage():
        cron = Cron(options.pop("cron"), options.pop("zone"))
    show_one(make(ctx, name, cron, command, options).to_dict(), form)


@schedules.command("list")
@click.option("--tenant", metavar="T", help="Of this tenant only.")
@click.option("--limit", type=COUNT, metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(ctx: Context, /, tenant: str | None, limit: int | None, form: str | None) -> None:
    """List schedules, newest first."""
    if tenant:
        ctx.fleet.tenant(tenant)
    found = sorted(_those_of(ctx, tenant), key=lambda one: -one.created_at)
    show_list([_row(one) for one in found[:limit]], COLUMNS, form)


def _those_of(ctx: Context, tenant: str | None) -> Iterator[Schedule]:
    known = Schedules(ctx.scripts)
    for name in known.names(tenant or ctx.settings.tenant):
        # One that is deleted while the others are read is not there any more.
        with suppress(NotFound):
            yield known.get(name)


@schedules.command("show")
@click.argument("name")
@output_option
@pass_context
def show(ctx: Context, /, name: str, form: str | None) -> None:
    """Show a schedule with its last firings and their jobs."""
    document = _document(ctx, _named(ctx, name))
    if chosen(form) != "table":
        show_one(document, form)
        return
    firings = document.pop("firings")
    show_one({**document, **_read(document)}, form)
    if firings:
        click.echo()
        show_list(firings, OF_A_FIRING, form)


def _read(document: Mapping[str, Any]) -> dict[str, str]:
    """What a person reads and pastes in place of a list and of an object."""
    first = document["next"]
    shown = f"{first['local']}, fires at {first['fires_at']}" if first else ""
    return {"next": shown, "command": shlex.join(document["command"])}


@schedules.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def delete(ctx: Context, /, name: str, yes: bool, form: str | None) -> None:
    """Forget a schedule; the jobs it made stay."""
    gone = _named(ctx, name)
    ctx.confirm(f"Forget the schedule {gone.full_name}?", yes)
    ctx.audit("schedules.delete", schedule=gone.full_name)
    Schedules(ctx.scripts).delete(gone.full_name)
    show_one({**gone.to_dict(), "state": "deleted", "next": None}, form)


@schedules.command("pause")
@click.argument("name")
@output_option
@pass_context
def pause(ctx: Context, /, name: str, form: str | None) -> None:
    """Let a schedule fire no more; its open jobs go on."""
    known = _named(ctx, name)
    ctx.audit("schedules.pause", schedule=known.full_name)
    Schedules(ctx.scripts).pause(known.full_name)
    show_one(_document(ctx, _named(ctx, known.full_name)), form)


@schedules.command("resume")
@click.argument("name")
@output_option
@pass_context
def resume(ctx: Context, /, name: str, form: str | None) -> None:
    """Let a paused schedule fire from its next time on."""
    known = _named(ctx, name)
    ctx.audit("schedules.resume", schedule=known.full_name)
    held = Schedules(ctx.scripts)
    held.resume(known.full_name, held.now())
    show_one(_document(ctx, _named(ctx, known.full_name)), form)


@schedules.command("next")
@click.argument("name", required=False)
@click.option(
    "--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many."
)
@click.option("--cron", metavar="LINE", help="Of this line instead of a schedule.")
@click.option("--zone", metavar="ZONE", help="With --cron.")
@output_option
@pass_context
def next_(
    ctx: Context,
    /,
    name: str | None,
    count: int,
    cron: str | None,
    zone: str | None,
    form: str | None,
) -> None:
    """Show when a schedule fires next, or when a cron line would."""
    now = time.time()
    if name is not None and cron is None and zone is None:
        known, now = _named(ctx, name), Schedules(ctx.scripts).now()
        rules = known.rules
        # A firing that is due and not yet made comes first; a paused one shows what it would do.
        first = [] if known.planned is None else [known.planned]
        begin = now if known.planned is None else known.planned
    elif name is None and cron is not None and zone is not None:
        with usage():
            rules, first, begin = Rules(Cron(cron, zone)), [], now
    else:
        raise UsageProblem(
            "it is not clear of what",
            why="a schedule has a name, and a cron line needs a zone",
            to_do="give a NAME, or both --cron and --zone",
        )
    instants = [*first, *islice(rules.cron.after(begin), count)][:count]
    show_list([coming(rules, instant) for instant in instants], OF_AN_INSTANT, form)


@schedules.command("run-now")
@click.argument("name")
@click.option("--firing", type=int, hidden=True, help="The instant that a worker fires it for.")
@follow_options
@output_option
@pass_context
def run_now(
    ctx: Context, /, name: str, firing: int | None, form: str | None, **options: Any
) -> int:
    """Make a schedule's job at once; its next firing stays where it is."""
    from producers.cli.schedule_making import run

    known = _named(ctx, name)
    if firing is None:
        ctx.audit("schedules.run-now", schedule=known.full_name)
    return finish(ctx.jobs, run(ctx, known, firing), Following(**options), form)


def _named(ctx: Context, text: str) -> Schedule:
    known = Schedules(ctx.scripts)
    return known.get(known.find(text, ctx.settings.tenant))


def _row(schedule: Schedule) -> dict[str, Any]:
    document = schedule.to_dict()
    upcoming = document["next"]
    return {**document, "next_at": upcoming and upcoming["fires_at"]}


def _document(ctx: Context, schedule: Schedule) -> dict[str, Any]:
    """The schedule's document, with the state that each firing's job is in."""
    states = Schedules(ctx.scripts).states(schedule)
    document = schedule.to_dict()
    for firing in document["firings"]:
        firing["state"] = states.get(firing["job"])
    return document
