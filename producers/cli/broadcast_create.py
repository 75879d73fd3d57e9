"""`bulkhead broadcast create`: a message to groups and people, as a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import Declined, NotYet, UsageProblem
from producers.cli.broadcast_options import (
    audience_options,
    letter_options,
    open_audience,
    take_letter,
)
from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.output import output_option
from producers.cli.people import app_option
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.audience import Audience
    from bulkhead.broadcasting import Ordered

ASKED_FOR_NUMBER = 1_000
"""Recipients from which on a person types their number: a yes is typed without being read."""


@click.command("create")
@app_option
@letter_options
@audience_options
@click.option("--hold", is_flag=True, help="Accept it, and send nothing until it is resumed.")
@job_options
@quote_options
@output_option
@pass_context
def create(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Send a message to groups, people or both; asks first, with the number of recipients.

    The recipients are read to the end and frozen before the first call. A group is one call, and
    so is each person. A call that is not answered is never repeated: its row is unknown.
    """
    from bulkhead.submitting import was_made
    from producers.cli.broadcast_preview import preview_of, show_preview
    from producers.cli.follow import finish

    opening = order_of(ctx, options)
    how = take_how(options)
    with opening as ordered:
        if how.dry_run:
            return show_preview(preview_of(ctx.scripts, ordered), form)
        if was_made(ctx.scripts, ordered.made):
            describe = ordered.made.describe
        else:
            ctx.may_ask(how.yes)
            describe = _Asked(ctx, ordered, how.yes).describe
        job = ctx.submit(ordered.made.request, ordered.made.batches, describe)
    return finish(ctx.jobs, job, how.following, form)


def order_of(ctx: Context, options: dict[str, Any]) -> Any:
    """Takes what says the broadcast out of a command's options; opens it, nothing read yet.

    Raises NotFound (app), NotPermitted (sender), InvalidInput, UsageProblem and NotYet.
    """
    from bulkhead.broadcasting import Order
    from bulkhead.ordering import Options

    groups, users = options.pop("to_groups"), options.pop("to_users")
    if groups is None and users is None:
        raise UsageProblem(
            "nobody is to get it",
            why="a broadcast goes to groups, to people, or to both",
            to_do="add --to-groups or --to-users",
        )
    _refuse_chunk(options.pop("chunk"))
    with usage():
        letter = take_letter(options)
        named = ctx.app_id(options.pop("app"))
        order = Order(named, letter, options.pop("max_recipients"), options.pop("hold"))
    asked = Options(**take_asked(options))
    return _opened(ctx, order, (groups, users), asked)


@contextmanager
def _opened(
    ctx: Context, order: Any, lists: tuple[str | None, str | None], asked: Any
) -> Iterator[Ordered]:
    from bulkhead.broadcasting import prepare, refuse_past

    with usage():
        refuse_past(ctx.scripts, ctx.fleet.app(order.app), asked)
    with open_audience(*lists) as parts:
        yield prepare(ctx.scripts, order, parts, asked)


class _Asked:
    """Asks when all recipients are known, and before the job is sealed: a no leaves no job."""

    def __init__(self, ctx: Context, ordered: Ordered, yes: bool) -> None:
        self._ctx = ctx
        self._ordered = ordered
        self._yes = yes

    def describe(self) -> Mapping[str, Any]:
        audience = self._ordered.audience
        if audience.recipients and not self._yes:
            self._ask(audience)
        return audience.input()

    def _ask(self, audience: Audience) -> None:
        app, number = self._ordered.app.id, audience.recipients
        whom = f"{number:,} {'recipient' if number == 1 else 'recipients'} of {app}"
        parts = f"{audience.groups:,} groups, {audience.users:,} people"
        if number < ASKED_FOR_NUMBER:
            self._ctx.confirm(f"Send to {whom} ({parts})?", yes=False)
            return
        typed = click.prompt(
            f"This goes to {whom} ({parts}). Type their number to send it", err=True
        )
        if "".join(letter for letter in typed if letter not in " ,._'") != str(number):
            raise Declined("nothing was sent", why=f"{typed!r} is not the number {number:,}")


def _refuse_chunk(chunk: int) -> None:
    if chunk > 1:
        raise NotYet(
            "--chunk is not in this version",
            why="each person is a call of its own, so that each has an outcome of its own",
            to_do="leave it away",
        )
