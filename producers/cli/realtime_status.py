"""`bulkhead realtime status`: the sessions there are, and what each worker could keep one with."""

from __future__ import annotations

from typing import Any

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one

COLUMNS = ("app", "sender", "state", "why", "worker", "since", "listening", "queued", "again_at")


@click.command("status")
@click.option("--app", metavar="APP", help="Only this app's.")
@click.option("--as", "sender", metavar="ADDR", help="Only this user's, of --app.")
@output_option
@pass_context
def status(ctx: Context, /, app: str | None, sender: str | None, form: str | None) -> int:
    """Show the sessions of a day, and the package of each worker.

    A session is kept by one worker, while messages wait for it or somebody listens.
    """
    from bulkhead.engine.sessions import Sessions

    name = ctx.fleet.app(ctx.app_id(app)).id if app else ""
    if sender is not None and not name:
        raise UsageProblem(
            "--as needs --app",
            why="users of two apps may have one address",
            to_do="add --app TENANT/APP",
        )
    found = Sessions(ctx.scripts).views(ctx.settings.tenant or "" if not name else "", name)
    rows = [view.to_dict() for view in found if sender in (None, view.who.sender)]
    workers = packages(ctx)
    if chosen(form) in ("json", "jsonl"):
        show_one({"sessions": rows, "workers": workers}, form)
        return 0
    show_list(rows, COLUMNS, form)
    for worker in workers:
        click.echo(f"{worker['worker']}: {worker['said']}", err=True)
    return 0


def packages(ctx: Context) -> list[dict[str, Any]]:
    """Of each living worker the package that it keeps sessions with, if it has looked at it."""
    from bulkhead.engine.packages import Packages

    return [
        {"worker": worker, "package": found, "said": _said(found)}
        for worker, found in Packages(ctx.scripts).of_workers().items()
    ]


def _said(found: dict[str, Any] | None) -> str:
    if found is None:
        return "has looked at no package yet: nobody has wanted a session"
    return found.get("sentence") or f"{found['name']} {found['version']} is {found['state']}"
