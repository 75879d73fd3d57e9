"""`bulkhead users tokens`: issue and revoke the access tokens of the users in a file."""

from __future__ import annotations

from typing import Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.job_options import (
    job_options,
    quote_options,
    take_asked,
    take_how,
    tokens_out_option,
)
from producers.cli.order import carry_out
from producers.cli.output import output_option
from producers.cli.people import Work, app_option, order_of

ISSUE = Work("users.tokens.issue", repeat="once", verb="Issue a new token to each of")
REVOKE = Work("users.tokens.revoke", verb="Revoke the tokens of")


@click.group("tokens")
def tokens() -> None:
    """Tokens: issue or revoke the access tokens of users."""


@tokens.command("issue")
@click.argument("file", metavar="FILE|-")
@app_option
@tokens_out_option
@job_options
@quote_options
@output_option
@pass_context
def issue(ctx: Context, /, file: str, app: str, form: str | None, **options: Any) -> int:
    """Issue every user in a file a new access token.

    It may end the one a user has. The tokens are in no result and no log: `--tokens-out`, or
    `bulkhead jobs tokens` within 24 hours.
    """
    asked, how = take_asked(options), take_how(options)
    return carry_out(ctx, order_of(ctx, ISSUE, file, ctx.app_id(app), asked), how, form)


@tokens.command("revoke")
@click.argument("file", metavar="FILE|-")
@app_option
@job_options
@quote_options
@output_option
@pass_context
def revoke(ctx: Context, /, file: str, app: str, form: str | None, **options: Any) -> int:
    """Revoke the access tokens of every user in a file."""
    asked, how = take_asked(options), take_how(options)
    return carry_out(ctx, order_of(ctx, REVOKE, file, ctx.app_id(app), asked), how, form)
