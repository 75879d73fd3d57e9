"""`bulkhead apps reseal`: the step that makes a new secret key the key."""

from __future__ import annotations

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_one


@click.command("reseal")
@output_option
@pass_context
def reseal(ctx: Context, /, form: str | None) -> None:
    """Seal all secrets in the store with this host's current secret key."""
    ctx.audit("apps.reseal", key_id=ctx.box.key_id)
    done = ctx.keys.reseal(ctx.box)
    show_one(
        {
            "key": done.key,
            "key_before": done.before,
            "tokens_resealed": done.tokens,
            "inbound_resealed": done.inbound,
            "credentials_resealed": done.credentials,
            "senders_resealed": done.senders,
        },
        form,
    )
