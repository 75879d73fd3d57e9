"""`bulkhead call`: one backend operation as a job, within the app's limits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bulkhead.errors import InvalidInput
from producers.cli.context import Context, pass_context
from producers.cli.follow import Following, finish
from producers.cli.job_options import job_options, take_asked
from producers.cli.output import output_option

WAITS = 60.0
"""Seconds that a call is waited for unless something else is said, as `apps check` does."""
STDIN = "-"


@click.command()
@click.argument("op", metavar="OP")
@click.option(
    "--app", required=True, metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT."
)
@click.option("--body", metavar="FILE|-", help="Its members as a JSON object, without the token.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the answer.")
@job_options
@output_option
@pass_context
def call(
    ctx: Context,
    /,
    op: str,
    app: str,
    body: str | None,
    no_wait: bool,
    form: str | None,
    **options: Any,
) -> int:
    """Let a worker call one backend operation, with a job and a result."""
    from bulkhead import ordering

    asked = ordering.Options(**take_asked(options))
    name = ctx.app_id(app)
    job = ordering.call(ctx.scripts, op, _body(body), app=name, options=asked)
    following = Following(**options)
    if no_wait:
        following = Following()
    elif not (following.wait or following.watch or following.progress):
        limit = WAITS if following.timeout is None else following.timeout
        following = Following(wait=True, timeout=limit)
    return finish(ctx.jobs, job, following, form)


def _body(place: str | None) -> dict[str, Any]:
    """The members. What they hold is never repeated in a message: it may be a secret."""
    if place is None:
        return {}
    named = "stdin" if place == STDIN else f"`{place}`"
    try:
        raw = sys.stdin.buffer.read() if place == STDIN else Path(place).read_bytes()
        body = json.loads(raw)
    except OSError as error:
        why = f"the system says: {error.strerror or type(error).__name__}"
    except (ValueError, RecursionError):
        why = "it is not JSON"
    else:
        if isinstance(body, dict):
            return body
        why = "it is JSON, but not an object"
    raise InvalidInput(
        f"{named} is no body of a call",
        why=why,
        to_do='write an object of members, such as {"user": {"address": "ann@example.com"}}',
    ) from None
