"""`bulkhead creds rollback`: the credential that was in a slot before, uploaded again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.follow import finish
from producers.cli.job_options import How, job_options, quote_options, take_asked, take_how
from producers.cli.order import Order
from producers.cli.output import output_option
from producers.cli.quote import quote, show_quote

if TYPE_CHECKING:
    from bulkhead.engine.credentials import Stored
    from bulkhead.rolling_back import Return
    from bulkhead.submitting import Prepared

OWN = ("slot", "to", "allow_project_change", "force")
"""Options of its own, beside those of every job."""


@click.command("rollback")
@click.argument("app")
@click.option("--slot", metavar="SLOT", help="fcm or apn:BUNDLE, where several can go back.")
@click.option("--to", metavar="FINGERPRINT|ID", help="Another entry of the history.")
@click.option("--allow-project-change", is_flag=True, help="Also to another Firebase project.")
@click.option("--force", is_flag=True, help="Also what has expired, or is there by our record.")
@job_options
@quote_options
@output_option
@pass_context
def rollback(ctx: Context, /, app: str, form: str | None, **options: Any) -> int:
    """Upload again what was in a slot before; no file is named.

    The one before, by our history; a second time the one before that, never what was taken back
    (only --to does). Kept files are sent as they were then.
    """
    from bulkhead.ordering import Options
    from bulkhead.rolling_back import find_return, prepare_return, refuse_open_jobs

    wanted = {name: options.pop(name) for name in OWN}
    asked, how = Options(**take_asked(options)), take_how(options)
    known = ctx.fleet.app(ctx.app_id(app))
    going = find_return(ctx.scripts, known, wanted["slot"], wanted["to"])
    kept = _fitting(ctx, going, wanted, asked.at)
    made = prepare_return(ctx.scripts, going, kept, force=wanted["force"], options=asked)
    _say(going)
    if how.dry_run:
        return _quote(ctx, made, going, form)
    refuse_open_jobs(ctx.scripts, known)
    return _send(ctx, made, going, how, form)


def _fitting(ctx: Context, going: Return, wanted: dict[str, Any], at: float | None) -> Stored:
    """What is known of the file. Raises InvalidInput where it should not, or cannot, be sent."""
    from bulkhead.engine.credentials import Credentials
    from bulkhead.pushing import refuse_too_large
    from bulkhead.rolling_back import refuse_unfit
    from bulkhead.rotating import Change, refuse_other_project

    kept, content = Credentials(ctx.scripts, ctx.box).take(going.target.credential)
    if not wanted["force"]:
        refuse_unfit(going, max(time.time(), at or 0.0))
    if not wanted["allow_project_change"]:
        refuse_other_project([Change(going.app, kept, going.held)])
    refuse_too_large(going.app, content, going.target.file)
    return kept


def _say(going: Return) -> None:
    """What would be sent, and in place of what; on stderr."""
    told, target = going.to_dict(time.time()), going.target
    ends = f"{'expired' if told['expired'] else 'expires'} at {told['not_after']}"
    click.echo(
        f"{told['slot']} of {going.app.id}: {told['previous']} goes, {told['new']} comes back: "
        f"{target.file}, there by {target.by} at {target.to_dict()['at']}, "
        f"{ends if told['not_after'] else 'does not expire'}",
        err=True,
    )


def _quote(ctx: Context, made: Prepared, going: Return, form: str | None) -> int:
    document = quote(ctx.scripts, Order(made.request, made.batches, made.describe))
    return show_quote({**document, "rollback": going.to_dict(time.time())}, form)


def _send(ctx: Context, made: Prepared, going: Return, how: How, form: str | None) -> int:
    from bulkhead.engine.fleet_deeds import of_app

    app, slot, target = going.app.id, going.held.slot, going.target
    ctx.confirm(f"Upload {target.fingerprint} to {slot} of {app} again?", how.yes)
    ctx.audit(
        "creds.rollback",
        **of_app(app),
        slot=slot,
        fingerprint=target.fingerprint,
        credential=target.credential,
        previous=going.held.fingerprint,
    )
    job = ctx.submit(made.request, made.batches, made.describe)
    return finish(ctx.jobs, job, how.following, form)
