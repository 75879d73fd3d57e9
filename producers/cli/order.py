"""A job that a command is about to make: asked about, quoted or submitted, then followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import click

from bulkhead.engine.draft import Request
from bulkhead.model.batch import Batch
from bulkhead.model.job import Job, JobState
from producers.cli.context import Context
from producers.cli.follow import finish
from producers.cli.in_time import in_time
from producers.cli.job_options import How
from producers.cli.passing import Passing
from producers.cli.quote import quote, show_quote
from producers.cli.token_file import TokenFile, hand_over


@dataclass(frozen=True, slots=True)
class Order:
    """The job but for its rows, which are read once; `describe` is asked after the last."""

    request: Request
    batches: Iterable[Batch]
    describe: Callable[[], Mapping[str, Any]]
    question: Callable[[int], str] | None = None
    """What a person is asked, given the number of rows that would be sent."""
    typed: Callable[[], int] = int
    """Gives the number that a person types in place of a yes, after the last row; 0: a yes."""


def carry_out(
    ctx: Context, opening: AbstractContextManager[Order], how: How, form: str | None
) -> int:
    """Quote or submit what `opening` yields, print one document, and return the exit code.

    Raises Declined before anything is read where a question is due and nobody can be asked.
    """
    if ctx.taker is not None:
        with opening as order:
            ctx.taker(order, how)
        return 0
    if how.dry_run:
        with opening as order:
            return show_quote(quote(ctx.scripts, order), form)
    if how.tokens_out is None:
        return finish(ctx.jobs, submit(ctx, opening, how.yes, how.force_late), how.following, form)
    # Before anything is read: a file that cannot be written must not cost anybody a token.
    out = TokenFile.create(how.tokens_out, "--tokens-out")
    try:
        job = submit(ctx, opening, how.yes, how.force_late)
        code = finish(ctx.jobs, job, how.following, form)
        _write_tokens(ctx, job, out)
        return code
    finally:
        out.close()


def _write_tokens(ctx: Context, job: Job, out: TokenFile) -> None:
    if job.state is JobState.REJECTED:
        return
    hand_over(ctx, job, out)
    said = f"{out.count:,} tokens are in {out.name}" if out.count else "no token was issued"
    click.echo(said, err=True)
    if not ctx.jobs.get(job.id).state.terminal:
        more = f"`bulkhead jobs tokens {job.id} --out FILE` writes all of them to another file"
        click.echo(f"the job goes on, and may issue more: {more}", err=True)


def submit(
    ctx: Context,
    opening: AbstractContextManager[Order],
    yes: bool,
    force_late: bool = True,
) -> Job:
    """The job that was made of the order, after the person's yes where one is needed.

    Raises InvalidInput where it cannot finish in time, unless `force_late`.
    """
    with opening as opened:
        order = opened if force_late else in_time(ctx, opened)
        if order.question is None:
            return ctx.submit(order.request, order.batches, order.describe)
        ctx.may_ask(yes)
        asked = Asked(ctx, order, yes)
        return ctx.submit(order.request, asked.batches, asked.describe)


class Asked:
    """Counts the rows as they pass, and asks before the job is sealed: a no leaves no job."""

    def __init__(self, ctx: Context, order: Order, yes: bool) -> None:
        self._ctx = ctx
        self._order = order
        self._yes = yes
        self.batches = Passing(order.batches)

    def describe(self) -> Mapping[str, Any]:
        if self._order.question is not None and self.batches.valid:
            question, number = self._order.question(self.batches.valid), self._order.typed()
            if number:
                self._ctx.confirm_number(question, number, self._yes)
            else:
                self._ctx.confirm(question, self._yes)
        return self._order.describe()
