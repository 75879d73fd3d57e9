"""`bulkhead tenants`: the customers whose apps must not sink each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.app import checked_name
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list, show_one
from producers.cli.values import QUOTA, SHARE, usage

Command = TypeVar("Command", bound=Callable[..., Any])
QUOTA_HELP = {
    "max_open_jobs": "Most jobs that have not ended; or none.",
    "max_open_items": "Most items of such jobs; or none.",
    "max_items_per_job": "Most items of a job; or none.",
}
COLUMNS = ("tenant", "state", "weight", "apps", "created_at")


@click.group()
def tenants() -> None:
    """Tenants: customers that own apps."""


def quota_options(command: Command) -> Command:
    """Adds an option for each quota; `none` lifts it."""
    for name, what in reversed(QUOTA_HELP.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, type=QUOTA, metavar="N", help=what)(command)
    return command


@tenants.command("add")
@click.argument("tenant")
@click.option("--weight", type=SHARE, metavar="N", default=1.0, help="Share beside others. [1]")
@quota_options
@output_option
@pass_context
def add(
    ctx: Context, /, tenant: str, weight: float, form: str | None, **quotas: float | None
) -> None:
    """Add a tenant."""
    with usage():
        name = checked_name(tenant)
    ctx.audit("tenants.add", tenant=name, weight=f"{weight:g}", quotas=_told(_given(quotas)))
    show_one(ctx.fleet.add_tenant(name, weight, _given(quotas)).to_dict(), form)


@tenants.command("list")
@output_option
@pass_context
def list_(ctx: Context, /, form: str | None) -> None:
    """List tenants."""
    show_list([tenant.to_dict() for tenant in ctx.fleet.tenants()], COLUMNS, form)


@tenants.command("show")
@click.argument("tenant")
@output_option
@pass_context
def show(ctx: Context, /, tenant: str, form: str | None) -> None:
    """Show one tenant."""
    show_one(ctx.fleet.tenant(tenant).to_dict(), form)


@tenants.command("set")
@click.argument("tenant")
@click.option("--weight", type=SHARE, metavar="N", help="Share beside others.")
@quota_options
@output_option
@pass_context
def set_(
    ctx: Context, /, tenant: str, weight: float | None, form: str | None, **quotas: float | None
) -> None:
    """Change a tenant's share or quotas, from its next job on."""
    ctx.fleet.tenant(tenant)
    given = _given(quotas)
    if weight is None and not given:
        raise UsageProblem(
            "nothing to set",
            why="no option was given",
            to_do="give --weight, --max-open-jobs, --max-open-items or --max-items-per-job",
        )
    share = f"{weight:g}" if weight is not None else ""
    ctx.audit("tenants.set", tenant=tenant, weight=share, quotas=_told(given))
    ctx.fleet.set_tenant(tenant, weight, given)
    show_one(ctx.fleet.tenant(tenant).to_dict(), form)


@tenants.command("pause")
@click.argument("tenant")
@click.option("--why", default="", help="A word for whoever wonders.")
@output_option
@pass_context
def pause(ctx: Context, /, tenant: str, why: str, form: str | None) -> None:
    """Start no call for any app of this tenant."""
    ctx.audit("tenants.pause", tenant=ctx.fleet.tenant(tenant).name, why=why)
    ctx.fleet.control("tenant", tenant, "pause", why)
    show_one(ctx.fleet.tenant(tenant).to_dict(), form)


@tenants.command("resume")
@click.argument("tenant")
@output_option
@pass_context
def resume(ctx: Context, /, tenant: str, form: str | None) -> None:
    """Let a tenant's apps go on."""
    ctx.audit("tenants.resume", tenant=ctx.fleet.tenant(tenant).name)
    ctx.fleet.control("tenant", tenant, "resume")
    show_one(ctx.fleet.tenant(tenant).to_dict(), form)


@tenants.command("remove")
@click.argument("tenant")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def remove(ctx: Context, /, tenant: str, yes: bool, form: str | None) -> None:
    """Forget a tenant that owns no app, and its schedules."""
    gone = ctx.fleet.tenant(tenant).to_dict()
    ctx.confirm(f"Forget tenant {tenant}?", yes)
    ctx.audit("tenants.remove", tenant=tenant)
    ctx.fleet.remove_tenant(tenant)
    show_one({**gone, "state": "removed"}, form)


def _given(quotas: Mapping[str, float | None]) -> dict[str, int | None]:
    """The quotas that were named, None where one is lifted."""
    return {
        name: None if limit == math.inf else int(limit)
        for name, limit in quotas.items()
        if limit is not None
    }


def _told(quotas: Mapping[str, int | None]) -> str:
    return ", ".join(
        f"{name}={'none' if limit is None else limit}" for name, limit in quotas.items()
    )
