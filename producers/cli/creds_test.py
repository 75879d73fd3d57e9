"""`bulkhead creds test`: a test notification, and what the webhook says became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from producers.cli.call import following_of
from producers.cli.context import Context, pass_context
from producers.cli.follow import STILL_RUNNING, finish
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out, submit
from producers.cli.output import output_option

if TYPE_CHECKING:
    from bulkhead.inbound.event import Event
    from bulkhead.model.job import Job
    from bulkhead.ordering import Options

WAITS = 60.0
"""Seconds that the test and its result are waited for unless something else is said."""
NOT_PROVEN = 3


@click.command("test")
@click.argument("app")
@click.option(
    "--test-user", "address", required=True, metavar="ADDR", help="Who gets the notification."
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the answer.")
@job_options
@quote_options
@output_option
@pass_context
def test(
    ctx: Context, /, app: str, address: str, no_wait: bool, form: str | None, **options: Any
) -> int:
    """Send a user of an app a test notification; exit 3 if it failed.

    mesibo tells the result to the app's webhook only. It is waited for there, a minute unless
    --timeout says otherwise (exit 8); without an inbound webhook of ours nobody can tell (exit 3).
    """
    from bulkhead.ordering import Options

    asked, how = Options(**take_asked(options)), take_how(options)
    following = following_of(how.following, no_wait)
    name = ctx.fleet.app(ctx.app_id(app)).id
    opening = _order(ctx, name, address, asked, how.dry_run)
    if how.dry_run or no_wait:
        return carry_out(ctx, opening, replace(how, following=following), form)
    limit = WAITS if following.timeout is None else following.timeout
    waiting = Waiting.begin(ctx, name, address, limit)
    job = submit(ctx, opening, how.yes)
    return finish(ctx.jobs, job, replace(following, timeout=limit), form, waiting.result)


@contextmanager
def _order(
    ctx: Context, app: str, address: str, options: Options, dry_run: bool
) -> Iterator[Order]:
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.pushing import prepare_test

    made = prepare_test(ctx.scripts, address, app=app, options=options)
    if not dry_run:
        ctx.audit("creds.test", **of_app(app), address=address)
    yield Order(made.request, made.batches, made.describe)


@dataclass(frozen=True, slots=True)
class Waiting:
    """For the result of a test of one user, from before the test was sent."""

    ctx: Context
    app: str
    address: str
    after: str | None
    """The newest event before the test; None without an inbound webhook."""
    until: float
    """By this machine's monotonic clock."""

    @classmethod
    def begin(cls, ctx: Context, app: str, address: str, seconds: float) -> Waiting:
        """What comes from now on counts."""
        from bulkhead.engine.app_fields import INBOUND_BOX
        from bulkhead.engine.inbound import InboundEvents

        has_webhook = INBOUND_BOX in ctx.fleet.fields(app)
        after = InboundEvents(ctx.scripts).newest(app) if has_webhook else None
        return cls(ctx, app, address, after, time.monotonic() + seconds)

    def result(self, job: Job, code: int) -> tuple[Mapping[str, Any], int]:
        """The job document with what came of the push, and the exit code."""
        if code != 0:
            state = "not_confirmed" if job.counts.unknown else "not_sent"
            return self._told(job, {"state": state}), code
        if self.after is None:
            click.echo(
                f"the test was sent; whether it arrived nobody can tell: {self.app} has no "
                f"inbound webhook (`bulkhead webhooks inbound show {self.app}`)",
                err=True,
            )
            return self._told(job, {"state": "no_webhook"}), NOT_PROVEN
        return self._heard(job, self.after)

    def _heard(self, job: Job, after: str) -> tuple[Mapping[str, Any], int]:
        from bulkhead.engine.inbound import InboundEvents
        from bulkhead.inbound.event import PushResult

        left = max(0.0, self.until - time.monotonic())
        received = InboundEvents(self.ctx.scripts).wait_for(self.app, self._wanted, after, left)
        if received is None:
            click.echo(
                "the test was sent, and no result for this user came in time: see that mesibo's "
                f"console has the URL of `bulkhead webhooks inbound show {self.app}`",
                err=True,
            )
            return self._told(job, {"state": "no_result"}), STILL_RUNNING
        what = received.event.what
        assert isinstance(what, PushResult)  # noqa: S101 - as `_wanted` says
        state = {True: "delivered", False: "failed", None: "unknown"}[what.ok]
        told = {
            "state": state,
            "service": what.service or None,
            "code": what.code,
            "response": what.response or None,
            "received_at": received.at,
        }
        said = ", ".join(f"{name} {text}" for name, text in told.items() if text is not None)
        click.echo(f"push result: {said}", err=True)
        return self._told(job, told), 0 if what.ok else NOT_PROVEN

    def _wanted(self, event: Event) -> bool:
        from bulkhead.inbound.event import PushResult

        return isinstance(event.what, PushResult) and event.what.address == self.address

    def _told(self, job: Job, push: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**job.to_dict(), "push": {"address": self.address, **push}}
