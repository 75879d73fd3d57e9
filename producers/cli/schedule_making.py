"""How a schedule is made of a typed command, and how a firing makes its job of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bulkhead.engine.draft import Draft
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.kept_rows import keep
from bulkhead.engine.schedules import KeptRows, Schedules
from bulkhead.errors import Conflict, UsageProblem
from bulkhead.firing import labels_of, make_of_rows
from bulkhead.model.app import checked_name
from bulkhead.model.cron import Cron, jitter_of
from bulkhead.model.job import Job, rfc3339
from bulkhead.model.schedule import MADE, Firing, Ordered, Rules, Schedule
from bulkhead.submitting import refuse_if_full, submit_batches
from producers.cli.context import Context
from producers.cli.interrupts import heeding
from producers.cli.job_options import How
from producers.cli.order import Asked, Order
from producers.cli.scheduled import Words
from producers.cli.values import usage


def make(
    ctx: Context, name: str, cron: Cron, typed: tuple[str, ...], options: Mapping[str, Any]
) -> Schedule:
    """The schedule, in force. Raises what the command itself would refuse, and Conflict."""
    words = Words.of(typed, options["audience"])
    owner, bare = _named(name)
    making = _Making(ctx, owner, bare)
    words.read(ctx, making.of_audience if words.audience else making.of_rows)
    full, order = making.name, making.order(words)
    now = Schedules(ctx.scripts).now()
    jitter = 0.0 if options["exact"] else jitter_of(full, cron, now)
    rules = Rules(cron, options["misfire"], options["overlap"], options["exact"], jitter)
    try:
        ctx.audit(
            "schedules.create",
            schedule=full,
            app=order.app,
            cron=cron.line,
            zone=cron.zone,
            kind=order.kind,
            audience_from=order.audience,
        )
        return Schedules(ctx.scripts).create(full, rules, order, now, making.kept)
    except BaseException:
        making.abandon()
        raise


class _Making:
    """Takes the order of a command, and keeps its rows in the store."""

    def __init__(self, ctx: Context, owner: str, bare: str) -> None:
        self._ctx = ctx
        self._owner = owner
        self._bare = bare
        self._taken: tuple[str, str] = ("", "")
        self._described: Mapping[str, Any] | None = None
        self._draft: Draft | None = None
        self._text = ""
        self.name = ""
        self.kept: KeptRows | None = None

    def of_rows(self, order: Order, how: How) -> None:
        """Read every row now, and keep it."""
        self._begin(order)
        refuse_if_full(self._ctx.scripts)
        draft = self._draft = Draft(self._ctx.scripts, order.request)
        try:
            draft.open()
            asked = Asked(self._ctx, order, how.yes)
            if order.question is not None:
                self._ctx.may_ask(how.yes)
            for batch in heeding(asked.batches):
                draft.take(batch)
            self._described = dict(asked.describe())
            self.kept = keep(draft, self._described)
        except BaseException:
            draft.abandon()
            raise

    def of_audience(self, order: Order, how: How) -> None:
        """Read every row to see that it can be read; a firing reads them anew."""
        self._begin(order)
        if order.question is not None and not how.yes:
            raise UsageProblem(
                "this needs a yes for each firing",
                why="its rows are read when nobody is there to ask",
                to_do="add --yes to the command if you are sure",
            )
        for _ in heeding(order.batches):
            pass
        if order.request.file:
            raise UsageProblem(
                "a schedule that reads its audience anew takes no --file",
                why="only rows are read with each firing, by a worker that has no such file",
                to_do="leave --audience-from away, or give --file-url",
            )
        self._text = str(order.request.params.get("message", ""))

    def order(self, words: Words) -> Ordered:
        """What was taken."""
        app, kind = self._taken
        # With each firing the audience is read anew, and nothing else is.
        kept = words.with_text(self._text) if words.audience else words
        return Ordered(app, kind, kept.words, words.audience, self._described)

    def abandon(self) -> None:
        """Forget rows that no schedule took over."""
        if self._draft is not None:
            self._draft.abandon()

    def _begin(self, order: Order) -> None:
        tenant, app = order.request.tenant, order.request.app
        if self._owner and self._owner != tenant:
            raise UsageProblem(
                f"{self._owner}/{self._bare} cannot be a schedule of {app}",
                why="a schedule is of the tenant whose app it works for",
                to_do=f"name it {tenant}/{self._bare}",
            )
        self.name = f"{tenant}/{self._bare}"
        self._taken = (app, order.request.kind)
        if self.name in Schedules(self._ctx.scripts).names(tenant):
            raise Conflict(
                f"there is a schedule {self.name} already",
                why="a schedule is never changed: what it made stays explained by it",
                to_do="choose another name, or `bulkhead schedules delete` it first",
            )


def run(ctx: Context, schedule: Schedule, instant: float | None) -> Job:
    """The job of one firing: that of an instant, which a worker books, or one at once."""
    known = Schedules(ctx.scripts)
    if instant is not None:
        return read_anew(ctx, schedule, schedule.key_of(instant))
    now = known.now()
    key = f"schedule {schedule.name} at once {rfc3339(now * 1e6)}"
    if schedule.order.audience:
        job = read_anew(ctx, schedule, key)
    else:
        job = ctx.jobs.get(make_of_rows(ctx.scripts, schedule, key))
    ctx.accepted = job
    known.note(schedule, Firing(now, MADE, job.id, "at once", now))
    return job


def read_anew(ctx: Context, schedule: Schedule, key: str) -> Job:
    """The job made of the schedule's file as it is now, under this key once.

    Raises what the command raises for the file.
    """
    made: list[Job] = []

    def take(order: Order, how: How) -> None:
        del how
        told = {**order.request.labels, **labels_of(schedule)}
        request = replace(order.request, idempotency_key=key, labels=told)
        made.append(submit_batches(ctx.scripts, request, order.batches, order.describe))

    known = Jobs(ctx.scripts).made_with(schedule.tenant, key)
    if known is not None:
        return known
    try:
        # Typed where another tenant, or none, may be the one that is meant by default.
        there = Context(ctx.settings.model_copy(update={"tenant": schedule.tenant}))
        Words(tuple(schedule.order.words), schedule.order.audience).read(there, take)
    except Conflict:
        # The file changed between a firing that was cut short and this one: its job is made.
        known = Jobs(ctx.scripts).made_with(schedule.tenant, key)
        if known is None:
            raise
        return known
    return made[0]


def _named(text: str) -> tuple[str, str]:
    owner, slash, bare = text.rpartition("/")
    with usage():
        return checked_name(owner) if slash else "", checked_name(bare, "schedule")
