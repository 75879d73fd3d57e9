"""`bulkhead call`: one backend operation as a job, within the app's limits."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bulkhead import ordering
from bulkhead.errors import InvalidInput
from producers.cli.context import Context, pass_context
from producers.cli.follow import Following
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import output_option
from producers.cli.time_options import time_options

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
@time_options
@quote_options
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
    asked, how = ordering.Options(**take_asked(options)), take_how(options)
    how = replace(how, following=following_of(how.following, no_wait))
    return carry_out(ctx, _order(ctx, op, app, body, asked), how, form)


def following_of(asked: Following, no_wait: bool) -> Following:
    """A call is waited for, a minute at most, unless something else was said."""
    if no_wait:
        return Following()
    if asked.wait or asked.watch or asked.progress:
        return asked
    return Following(wait=True, timeout=WAITS if asked.timeout is None else asked.timeout)


@contextmanager
def _order(
    ctx: Context, op: str, app: str, body: str | None, options: ordering.Options
) -> Iterator[Order]:
    members, name = _body(body), ctx.app_id(app)
    made = ordering.prepare_call(ctx.scripts, op, members, app=name, options=options)
    yield Order(made.request, made.batches, made.describe)


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
