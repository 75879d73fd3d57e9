"""`bulkhead webhooks`: the address at which mesibo tells us what happened in an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bulkhead import api_address
from bulkhead.errors import UsageProblem
from bulkhead.model.app import write_duration
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_one
from producers.cli.secret_input import read_secret
from producers.cli.values import DURATION

if TYPE_CHECKING:
    from bulkhead.engine.inbound_secret import InboundSecrets, Issued


@click.group()
def webhooks() -> None:
    """Webhooks: what is told from outside, and how it is known to be true."""


@webhooks.group()
def inbound() -> None:
    """What mesibo tells us of an app: users, messages, push results."""


@inbound.command("show")
@click.argument("app")
@output_option
@pass_context
def show(ctx: Context, /, app: str, form: str | None) -> None:
    """Show the URL to paste into mesibo's console, and what came."""
    from bulkhead.engine.app_fields import INBOUND_BOX
    from bulkhead.engine.fleet_deeds import of_app

    name = ctx.fleet.app(ctx.app_id(app)).id
    if INBOUND_BOX not in ctx.fleet.fields(name):
        ctx.audit("webhooks.inbound.show", **of_app(name), made="yes")
    _print(ctx, name, _secrets(ctx).issue(name), form)


@inbound.command("rotate")
@click.argument("app")
@click.option(
    "--grace",
    type=DURATION,
    metavar="D",
    default="0s",
    show_default=True,
    help="Let the old URL hold on for so long.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def rotate(ctx: Context, /, app: str, grace: float, yes: bool, form: str | None) -> None:
    """Make another URL; the old one ends, at once or after --grace."""
    from bulkhead.engine.fleet_deeds import of_app

    name = ctx.fleet.app(ctx.app_id(app)).id
    ends = f"in {write_duration(grace)}" if grace else "at once"
    ctx.confirm(f"Make another inbound URL for {name}? The old one ends {ends}.", yes)
    kept = write_duration(grace) if grace else ""
    ctx.audit("webhooks.inbound.rotate", **of_app(name), grace=kept)
    _print(ctx, name, _secrets(ctx).rotate(name, grace), form)


@inbound.command("secret")
@click.argument("app")
@click.option("--secret-file", metavar="PATH|-", help="File with the secret of mesibo's console.")
@click.option("--secret-env", metavar="VAR", help="Variable with the secret of mesibo's console.")
@click.option("--none", is_flag=True, help="Believe deliveries whatever secret they carry.")
@output_option
@pass_context
def secret(
    ctx: Context,
    /,
    app: str,
    secret_file: str | None,
    secret_env: str | None,
    none: bool,
    form: str | None,
) -> None:
    """Believe only deliveries that carry this secret (webhook v1)."""
    from bulkhead.engine.fleet_deeds import of_app

    name = ctx.fleet.app(ctx.app_id(app)).id
    wanted = read_secret(secret_file, secret_env)
    if none == (wanted is not None):
        raise UsageProblem(
            "say which secret is wanted, or that none is",
            why="one of --secret-file, --secret-env and --none is needed",
            to_do=f"bulkhead webhooks inbound secret {name} --secret-file -",
        )
    ctx.audit("webhooks.inbound.secret", **of_app(name), wanted="yes" if wanted else "no")
    _secrets(ctx).demand(name, wanted)
    show_one({"app": name, "body_secret": wanted is not None}, form)


def _secrets(ctx: Context) -> InboundSecrets:
    from bulkhead.engine.inbound_secret import InboundSecrets

    return InboundSecrets(ctx.scripts, ctx.box)


def _print(ctx: Context, app: str, issued: Issued, form: str | None) -> None:
    base = ctx.settings.public_url
    url = (
        f"{base or api_address.find(ctx.settings.home)}/v1/inbound/mesibo/{issued.secret.reveal()}"
    )
    show_one({"app": app, "url": url, **_state(ctx, app)}, form)
    if base is None:
        click.echo(
            "note: BULKHEAD_PUBLIC_URL is not set, so this is the address on this machine; "
            "mesibo's cloud calls only HTTPS with a valid host name",
            err=True,
        )
    elif base.startswith("http:"):
        click.echo(
            "note: mesibo's cloud calls only HTTPS with a valid host name; "
            "this address is for a mesibo of your own",
            err=True,
        )
    click.echo("to test it: curl -d '{\"events\": []}' URL   answers MESIBO OK", err=True)


def _state(ctx: Context, app: str) -> dict[str, Any]:
    from bulkhead.engine.app_fields import INBOUND_BODY_BOX
    from bulkhead.engine.inbound import InboundEvents, inbound_counts

    events = InboundEvents(ctx.scripts)
    counts = next(iter(inbound_counts(ctx.scripts, [app])), None)
    return {
        "body_secret": INBOUND_BODY_BOX in ctx.fleet.fields(app),
        "received": counts.received if counts else 0,
        "repeated": counts.repeated if counts else 0,
        "refused": dict(counts.refused) if counts else {},
        "dropped": counts.dropped if counts else 0,
        "message_events": counts.statuses if counts else 0,
        "of_broadcasts": counts.placed if counts else 0,
        "last_event_at": events.last_at(app),
    }
