"""`bulkhead creds rotate`: one credential for many apps, in waves that a failure ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.rotation import VERIFICATIONS
from producers.cli.context import Context, pass_context
from producers.cli.creds_file import Loaded, keep, load_uploadable
from producers.cli.follow import finish
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option, show_one
from producers.cli.values import DURATION

if TYPE_CHECKING:
    from bulkhead.model.waves import Waves
    from bulkhead.rotating import Change, Proof

WITHIN = "60s"
OWN = (
    *("fcm", "apn", "waves", "soak", "verify", "address", "within"),
    *("auto_rollback", "allow_project_change", "force"),
)
"""Options of its own, beside those of every job."""


@click.command("rotate")
@click.option(
    "--apps",
    "selector",
    required=True,
    metavar="SELECTOR",
    help="Labels k=v,… or names, * allowed.",
)
@click.option("--fcm", metavar="FILE", help="The service account that they are to have.")
@click.option("--apn", metavar="FILE", help="The push certificate that they are to have.")
@click.option("--waves", default="100%", show_default=True, metavar="1,10%,100%", help="Sizes.")
@click.option(
    "--soak", type=DURATION, default="0s", show_default=True, metavar="D", help="Between waves."
)
@click.option(
    "--verify",
    type=click.Choice([word for word in VERIFICATIONS if word != "options"]),
    default="none",
    show_default=True,
    help="What proves that it works.",
)
@click.option("--test-user", "address", metavar="ADDR", help="Who gets the test notification.")
@click.option(
    "--verify-within", "within", type=DURATION, default=WITHIN, metavar="D", help="For its result."
)
@click.option("--auto-rollback", is_flag=True, help="Take a wave back in which an app failed.")
@click.option("--allow-project-change", is_flag=True, help="Also to another Firebase project.")
@click.option("--force", is_flag=True, help="Send also what the record says is done already.")
@job_options
@quote_options
@output_option
@pass_context
def rotate(ctx: Context, /, selector: str, form: str | None, **options: Any) -> int:
    """Give many apps a new credential, wave by wave.

    Each app: upload, then as much proof as is asked for; what does not prove itself goes back to
    the file before. The first app that fails keeps later waves from beginning (exit 3).
    """
    from bulkhead.ordering import Options
    from bulkhead.rotating import changes, chosen, prepare_rotation, refuse_under_way

    wanted = {name: options.pop(name) for name in OWN}
    asked, how = Options(**take_asked(options)), take_how(options)
    loaded, proof = _file(wanted), _proof(wanted)
    apps = chosen(ctx.fleet.apps(), selector, ctx.settings.tenant)
    planned = changes(ctx.scripts, apps, loaded.stored)
    _refuse_unfit(planned, loaded, wanted)
    waves = _waves(wanted, len(planned))
    if how.dry_run:
        show_one(plan_of(planned, waves), form)
        return 0
    refuse_under_way(ctx.scripts, planned)
    _say(planned, proof)
    _ask(ctx, planned, waves, how.yes)
    keep(ctx, [one.app.id for one in planned], "creds.rotate", [loaded], asked.at)
    made = prepare_rotation(
        planned, waves, proof, file=loaded.name, force=wanted["force"], options=asked
    )
    job = ctx.submit(made.request, made.batches, made.describe)
    return finish(ctx.jobs, job, how.following, form)


def _file(wanted: dict[str, Any]) -> Loaded:
    """The one file. Raises UsageProblem, and InvalidInput if it could not be uploaded as it is."""
    named = [kind for kind in ("fcm", "apn") if wanted[kind]]
    if len(named) != 1:
        raise UsageProblem(
            "no credential is named" if not named else "two credentials are named",
            why="a rotation gives one credential to many apps",
            to_do="give either --fcm FILE or --apn FILE",
        )
    (loaded,) = load_uploadable([wanted[named[0]]])
    if loaded.reading.kind != named[0]:
        raise UsageProblem(
            f"{loaded.shown} is not for {named[0]}",
            why=f"its content is a credential of {loaded.reading.kind}",
            to_do=f"give it as --{loaded.reading.kind}",
        )
    return loaded


def _proof(wanted: dict[str, Any]) -> Proof:
    from bulkhead.rotating import Proof

    if wanted["verify"] == "test-push" and not wanted["address"]:
        raise UsageProblem(
            "--test-user is missing",
            why="a test notification is sent to a user of each app",
            to_do="give the address of a probe user, such as --test-user probe@example.com",
        )
    return Proof(wanted["verify"], wanted["address"] or "", wanted["within"])


def _waves(wanted: dict[str, Any], apps: int) -> Waves:
    from bulkhead.model.waves import Waves, wave_ends
    from producers.cli.values import usage

    with usage():
        return Waves(wave_ends(wanted["waves"], apps), wanted["soak"], wanted["auto_rollback"])


def _refuse_unfit(planned: list[Change], loaded: Loaded, wanted: dict[str, Any]) -> None:
    """Raises InvalidInput for a file of another project, or too large for one of the apps."""
    from bulkhead.pushing import refuse_too_large
    from bulkhead.rotating import refuse_other_project

    if not wanted["allow_project_change"]:
        refuse_other_project(planned)
    for change in planned:
        refuse_too_large(change.app, loaded.content, loaded.name)


def plan_of(planned: list[Change], waves: Waves) -> dict[str, Any]:
    """What a dry run shows."""
    return {
        "apps": len(planned),
        "waves": list(waves.ends),
        "soak_s": waves.soak,
        "auto_rollback": waves.rollback,
        "changes": [change.to_dict() for change in planned],
    }


def _say(planned: list[Change], proof: Proof) -> None:
    """What a person should know before the first upload."""
    first = [change for change in planned if change.effect == "first"]
    if first and proof.verify != "none":
        click.echo(
            f"{len(first)} of {len(planned)} apps have previous: none on our record, and cannot go "
            "back; `bulkhead creds adopt FILE --app APP` tells what they hold",
            err=True,
        )


def _ask(ctx: Context, planned: list[Change], waves: Waves, yes: bool) -> None:
    new = planned[0].new
    many = f"{len(planned)} apps" if len(planned) > 1 else planned[0].app.id
    ctx.confirm(f"Give {many} {new.slot} {new.fingerprint}, in {len(waves.ends)} waves?", yes)
