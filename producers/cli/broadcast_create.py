"""`bulkhead broadcast create`: a message to groups and people, as a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from producers.cli.broadcast_options import (
    audience_options,
    letter_options,
    open_audience,
    refuse_nobody,
    take_letter,
)
from producers.cli.context import Context, pass_context
from producers.cli.job_options import How, job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option
from producers.cli.people import app_option
from producers.cli.time_options import time_options
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.broadcasting import Ordered
    from producers.cli.order import Order

ASKED_FOR_NUMBER = 1_000
"""Recipients from which on a person types their number: a yes is typed without being read."""


@click.command("create")
@app_option
@letter_options
@audience_options
@click.option("--hold", is_flag=True, help="Accept it, and send nothing until it is resumed.")
@job_options
@time_options
@quote_options
@output_option
@pass_context
def create(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Send a message to groups, people or both; asks first.

    The question has the number of recipients; from 1,000 on, it is typed.

    The recipients are read to the end and frozen before the first call. A group is one call, and
    so is each person. A call that is not answered is never repeated: its row is unknown.
    """
    from producers.cli.broadcast_preview import preview_of, show_preview
    from producers.cli.order import carry_out

    how = take_how(options)
    opening = _opened(ctx, options, how)
    if how.dry_run and ctx.taker is None:
        with opening as ordered:
            return show_preview(preview_of(ctx.scripts, ordered), form)
    # Looked at with the calls that it takes, which are fewer than its rows where people share one.
    return carry_out(ctx, _order(ctx, opening), replace(how, force_late=True), form)


@contextmanager
def _opened(ctx: Context, options: dict[str, Any], how: How) -> Iterator[Ordered]:
    """The broadcast that the options say, its lists open and not read yet.

    Raises NotFound (app), NotPermitted (sender), InvalidInput and UsageProblem.
    """
    from bulkhead.broadcast_limits import refuse_chunk, refuse_past
    from bulkhead.broadcasting import Order, prepare
    from bulkhead.model.way import refuse_way
    from bulkhead.ordering import Options

    groups, users = options.pop("to_groups"), options.pop("to_users")
    refuse_nobody(groups, users)
    given = take_letter(options)
    with usage():
        order = Order(
            app=ctx.fleet.app(ctx.app_id(options.pop("app"))).id,
            letter=given.letter,
            max_recipients=options.pop("max_recipients"),
            chunk=options.pop("chunk"),
            hold=options.pop("hold"),
            force_late=how.force_late,
            file=given.file,
            no_session=given.no_session,
        )
        refuse_way(order.letter.via, order.chunk)
        refuse_chunk(order.letter, order.chunk)
        asked = Options(**take_asked(options))
        refuse_past(ctx.scripts, order.app, asked)
    with open_audience(groups, users) as parts:
        yield prepare(ctx.scripts, order, parts, asked)


@contextmanager
def _order(ctx: Context, opening: AbstractContextManager[Ordered]) -> Iterator[Order]:
    from bulkhead.submitting import was_made
    from producers.cli.order import Order

    with opening as ordered:
        made, audience = ordered.made, ordered.audience

        def question(rows: int) -> str:
            del rows  # those of the audience leave out whoever is in it twice
            number = audience.recipients
            whom = f"{number:,} {'recipient' if number == 1 else 'recipients'}"
            parts = f"{audience.groups:,} groups, {audience.users:,} people"
            return f"Send to {whom} of {ordered.app.id} ({parts})?"

        def typed() -> int:
            return audience.recipients if audience.recipients >= ASKED_FOR_NUMBER else 0

        asks = None if was_made(ctx.scripts, made.request) else question
        yield Order(made.request, made.batches, made.describe, asks, typed)
