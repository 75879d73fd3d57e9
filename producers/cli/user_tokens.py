"""`bulkhead users tokens`: issue and revoke the access tokens of the users in a file."""

from __future__ import annotations

from typing import Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.job_options import tokens_out_option
from producers.cli.people import Work, over_people, people_options

ISSUE = Work("users.tokens.issue", repeat="once", verb="Issue a new token to each of")
REVOKE = Work("users.tokens.revoke", verb="Revoke the tokens of")


@click.group("tokens")
def tokens() -> None:
    """Tokens: issue or revoke the access tokens of users."""


@tokens.command("issue")
@people_options
@tokens_out_option
@pass_context
def issue(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Issue every user in a file a new access token.

    It may end the one a user has. The tokens are in no result and no log: `--tokens-out`, or
    `bulkhead jobs tokens` within 24 hours.
    """
    return over_people(ctx, ISSUE, options, form)


@tokens.command("revoke")
@people_options
@pass_context
def revoke(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Revoke the access tokens of every user in a file."""
    return over_people(ctx, REVOKE, options, form)
