"""`bulkhead apps`: one mesibo application each, with its own limits."""

from __future__ import annotations

from typing import Any

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.app import AppSettings
from producers.cli.app_options import changed, given_settings, settings_options
from producers.cli.apps_apply import apply
from producers.cli.apps_reseal import reseal
from producers.cli.apps_rotate import rotate_token
from producers.cli.apps_stats import stats
from producers.cli.context import Context, pass_context
from producers.cli.job_options import parse_labels
from producers.cli.output import output_option, show_list, show_one
from producers.cli.secret_input import read_token, token_options
from producers.cli.values import DURATION

COLUMNS = ("app", "state", "rate", "burst", "max_in_flight", "in_flight", "cell", "token", "why")


@click.group()
def apps() -> None:
    """Apps: one mesibo application each, with its own limits."""


@apps.command("add")
@click.argument("app")
@settings_options
@token_options
@output_option
@pass_context
def add(
    ctx: Context,
    /,
    app: str,
    token_file: str | None,
    token_env: str | None,
    form: str | None,
    **given: Any,
) -> None:
    """Add TENANT/APP with its backend's URL and its token."""
    from bulkhead.engine.fleet_deeds import adding

    name = ctx.app_id(app)
    token = read_token(token_file, token_env)
    if not given["base_url"] or token is None:
        missing = "--base-url" if not given["base_url"] else "--token-file or --token-env"
        raise UsageProblem(
            f"{missing} is missing",
            why="an app needs the URL of its backend and its app token",
            to_do=f"bulkhead apps add {name} --base-url URL --token-file -",
        )
    settings = changed(AppSettings(base_url=""), given)
    sealed = ctx.seal_token(name, token)
    ctx.audit_all([adding(name, settings, sealed)])
    made = ctx.fleet.add_app(name, settings, sealed)
    show_one(made.to_dict(), form)


@apps.command("list")
@click.option("--tenant", metavar="T", help="Only this tenant's.")
@click.option(
    "--label", "labels", metavar="K=V", multiple=True, help="Only with it. May be repeated."
)
@output_option
@pass_context
def list_(ctx: Context, /, tenant: str | None, labels: tuple[str, ...], form: str | None) -> None:
    """List apps with their limits and what stops them."""
    if tenant:
        ctx.fleet.tenant(tenant)
    wanted = parse_labels(labels).items()
    found = [app for app in ctx.fleet.apps(tenant) if wanted <= dict(app.settings.labels).items()]
    show_list([app.to_dict() for app in found], COLUMNS, form)


@apps.command("show")
@click.argument("app")
@output_option
@pass_context
def show(ctx: Context, /, app: str, form: str | None) -> None:
    """Show one app: its settings, its pace, and what stops it."""
    from bulkhead.engine.overview import Overview
    from producers.cli.held_up import way_out

    known = ctx.fleet.app(ctx.app_id(app))
    now = Overview(ctx.scripts).app(known.id)
    show_one({**known.to_dict(), "pace": now.pace, "to_do": way_out(now)}, form)


@apps.command("set")
@click.argument("app")
@settings_options
@token_options
@output_option
@pass_context
def set_(
    ctx: Context,
    /,
    app: str,
    token_file: str | None,
    token_env: str | None,
    form: str | None,
    **given: Any,
) -> None:
    """Change an app's settings or its token, from the next slice on."""
    from bulkhead.engine.fleet_deeds import setting
    from bulkhead.engine.fleet_plan import differences

    name = ctx.app_id(app)
    before = ctx.fleet.app(name)
    token = read_token(token_file, token_env)
    if token is None and not given_settings(given):
        raise UsageProblem(
            "nothing to set",
            why="no option was given",
            to_do=f"see `bulkhead apps set --help`; `bulkhead apps show {name}` shows what is set",
        )
    after = changed(before.settings, given)
    sealed = ctx.seal_token(name, token) if token else None
    ctx.audit_all([setting(name, differences(before.settings, after), sealed)])
    if after != before.settings:
        ctx.fleet.set_app(name, after)
    if sealed is not None:
        ctx.fleet.set_token(name, sealed)
    show_one(ctx.fleet.app(name).to_dict(), form)


@apps.command("pause")
@click.argument("app")
@click.option("--why", default="", help="A word for whoever wonders.")
@output_option
@pass_context
def pause(ctx: Context, /, app: str, why: str, form: str | None) -> None:
    """Start no call for this app; calls in flight finish."""
    from bulkhead.engine.fleet_deeds import of_app

    name = ctx.app_id(app)
    ctx.audit("apps.pause", **of_app(ctx.fleet.app(name).id), why=why)
    ctx.fleet.control("app", name, "pause", why)
    show_one(ctx.fleet.app(name).to_dict(), form)


@apps.command("resume")
@click.argument("app")
@output_option
@pass_context
def resume(ctx: Context, /, app: str, form: str | None) -> None:
    """Let an app go on, also one whose token was refused."""
    from bulkhead.engine.fleet_deeds import of_app

    name = ctx.app_id(app)
    ctx.audit("apps.resume", **of_app(ctx.fleet.app(name).id))
    ctx.fleet.control("app", name, "resume")
    show_one(ctx.fleet.app(name).to_dict(), form)


@apps.command("remove")
@click.argument("app")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def remove(ctx: Context, /, app: str, yes: bool, form: str | None) -> None:
    """Forget an app that has no open job, and its token."""
    from bulkhead.engine.fleet_deeds import removing

    name = ctx.app_id(app)
    gone = ctx.fleet.app(name)
    ctx.confirm(f"Forget {name} and its token?", yes)
    ctx.audit_all([removing(gone)])
    ctx.fleet.remove_app(name)
    show_one({**gone.to_dict(), "state": "removed"}, form)


@apps.command("check")
@click.argument("app")
@click.option(
    "--timeout", type=DURATION, metavar="D", default="60s", show_default=True, help="Wait at most."
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the answer.")
@output_option
@pass_context
def check(ctx: Context, /, app: str, timeout: float, no_wait: bool, form: str | None) -> int:
    """Let a worker try the app's backend and token with one call."""
    from bulkhead.engine.draft import Request
    from bulkhead.model.batch import ONE_CALL
    from producers.cli.follow import Following, finish

    name = ctx.fleet.app(ctx.app_id(app)).id
    request = Request("apps.check", name.split("/")[0], name, priority="urgent", max_attempts=1)
    job = ctx.submit(request, [ONE_CALL], lambda: {"rows": 1})
    return finish(ctx.jobs, job, Following(wait=not no_wait, timeout=timeout), form)


for command in (apply, reseal, rotate_token, stats):
    apps.add_command(command)
