"""`bulkhead creds rotate`: new credentials for many apps, in waves that a failure ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from bulkhead.model.rotation import VERIFICATIONS
from producers.cli.context import Context, pass_context
from producers.cli.creds_file import short
from producers.cli.creds_options import note_oddities, seven_options, spelled, take_seven
from producers.cli.follow import finish
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.output import chosen, output_option, show_list, show_one
from producers.cli.values import DURATION

if TYPE_CHECKING:
    from bulkhead.model.waves import Waves
    from bulkhead.rotating import Change
    from bulkhead.rotation_order import Planned

OWN = (
    *("selector", "fcm", "apn", "waves", "soak", "verify", "address", "within"),
    *("auto_rollback", "allow_project_change", "force"),
)
"""Options of its own, beside those of every job."""
COLUMNS = ("app", "slot", "effect", "previous", "new", "file", "options")


@click.command("rotate")
@click.argument("plan", metavar="[PLAN.yaml]", required=False)
@click.option("--apps", "selector", metavar="SELECTOR", help="Labels k=v,… or names, * allowed.")
@click.option("--fcm", metavar="FILE", help="The service account that they are to have.")
@click.option("--apn", metavar="FILE", help="The push certificate that they are to have.")
@click.option("--waves", show_default="100%", metavar="1,10%,100%", help="Sizes.")
@click.option("--soak", type=DURATION, show_default="0s", metavar="D", help="Between waves.")
@click.option(
    "--verify",
    type=click.Choice(VERIFICATIONS),
    show_default="none",
    help="What proves that it works.",
)
@click.option("--test-user", "address", metavar="ADDR", help="Who gets the test notification.")
@click.option(
    *("--verify-within", "within"),
    type=DURATION,
    show_default="60s",
    metavar="D",
    help="For its result.",
)
@click.option("--auto-rollback", is_flag=True, help="Take a wave back in which an app failed.")
@click.option("--allow-project-change", is_flag=True, help="Also to another Firebase project.")
@click.option("--force", is_flag=True, help="Send also what the record says is done already.")
@seven_options
@job_options
@quote_options
@output_option
@pass_context
def rotate(ctx: Context, /, plan: str | None, form: str | None, **options: Any) -> int:
    """Give many apps a new credential, wave by wave.

    One for all of them, or what a plan says. Each app: upload, then the push options that are
    named, then as much proof as is asked for; what does not prove itself goes back to the file
    before. The first app that fails keeps later waves from beginning (exit 3).
    """
    from bulkhead.ordering import Options
    from producers.cli.creds_plan import plan_of, planned

    wanted = {name: options.pop(name) for name in OWN}
    asked = Options(**take_asked(options), force=wanted["force"])
    how, seven = take_how(options), take_seven(options)
    todo = planned(ctx, plan_of(plan, wanted, seven.given()))
    if how.dry_run:
        todo.refuse_unfit()
        show_plan(todo.changes, todo.waves, todo.proof.verify, form)
        return 0
    made = ctx.rotations.prepare(todo, asked, lambda: _ask(ctx, todo, how.yes))
    job = ctx.submit(made.request, made.batches, made.describe)
    return finish(ctx.jobs, job, how.following, form)


def show_plan(planned: Sequence[Change], waves: Waves, verify: str, form: str | None) -> None:
    """The whole plan, app by app."""
    rows = [change.to_dict() for change in planned]
    if chosen(form) not in ("json", "jsonl"):
        short_rows = [
            {
                **row,
                "previous": short(row["previous"]),
                "new": short(row["new"]),
                "options": spelled(row["options"]),
            }
            for row in rows
        ]
        show_list(short_rows if chosen(form) == "table" else rows, COLUMNS, form)
        ends = ", ".join(map(str, waves.ends))
        click.echo(f"{len(rows)} apps; waves end after {ends}; nothing was sent", err=True)
        return
    told = {
        "apps": len(rows),
        "waves": list(waves.ends),
        "soak_s": waves.soak,
        "auto_rollback": waves.rollback,
        "verify": verify,
        "changes": rows,
    }
    show_one(told, form)


def _say(ctx: Context, todo: Planned) -> None:
    """What a person should know before the first upload."""
    from bulkhead.engine.push_record import PushRecord
    from bulkhead.pushing import PushOptions

    planned = todo.changes
    known = PushRecord(ctx.scripts).options_of([change.app.id for change in planned])
    told = {
        change.app.id: PushOptions(**(change.proof or todo.proof).options) for change in planned
    }
    note_oddities((wanted, known[app]) for app, wanted in told.items())
    first = [change for change in planned if change.effect == "first"]
    if first and (todo.proof.verify != "none" or any(one.given() for one in told.values())):
        click.echo(
            f"{len(first)} of {len(planned)} apps have previous: none on our record, and cannot go "
            "back; `bulkhead creds adopt FILE --app APP` tells what they hold",
            err=True,
        )


def _ask(ctx: Context, todo: Planned, yes: bool) -> None:
    _say(ctx, todo)
    planned = todo.changes
    new = {change.new.id for change in planned}
    many = f"{len(planned)} apps" if len(planned) > 1 else planned[0].app.id
    one = planned[0].new
    what = f"{len(new)} credentials" if len(new) > 1 else f"{one.slot} {one.fingerprint}"
    ctx.confirm(f"Give {many} {what}, in {len(todo.waves.ends)} waves?", yes)
