"""`bulkhead apps rotate-token`: the new token is tried before it is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from bulkhead.errors import BulkheadError, NotAccepted, StillGoing, UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_one
from producers.cli.secret_input import read_token, token_options
from producers.cli.values import DURATION

if TYPE_CHECKING:
    from bulkhead.engine.rotation import Rotation
    from bulkhead.model.job import Job

LOOK_EVERY = 0.1
"""Seconds between two looks at whether a phase is over."""


@click.command("rotate-token")
@click.argument("app")
@click.option(
    "--timeout", type=DURATION, metavar="D", default="2m", show_default=True, help="Wait at most."
)
@token_options
@output_option
@pass_context
def rotate_token(
    ctx: Context,
    /,
    app: str,
    timeout: float,
    token_file: str | None,
    token_env: str | None,
    form: str | None,
) -> None:
    """Try a new app token, use it, and forget the old one.

    A worker makes one harmless call with the new token. If it is accepted it is used from then
    on, and the old one is forgotten when no call carries it any more; if not, nothing changes.
    Run again after an interrupt, it goes on where it stopped.
    """
    from bulkhead.engine.fleet_deeds import of_app, of_token
    from bulkhead.engine.rotation import Rotation

    name = ctx.fleet.app(ctx.app_id(app)).id
    token = read_token(token_file, token_env)
    if token is None:
        raise UsageProblem(
            "--token-file or --token-env is missing",
            why="the new token comes from a file, from stdin or from a variable",
            to_do=f"bulkhead apps rotate-token {name} --token-file -",
        )
    until = time.monotonic() + timeout
    sealed = ctx.seal_token(name, token)
    rotation = Rotation(ctx.scripts, name, sealed)
    ctx.audit("apps.rotate-token", **of_app(name), **of_token(sealed))
    rotation.offer()
    if (ctx.fleet.app(name).live["rotation"] or {}).get("phase") == "checking":
        _check(ctx, rotation, name, until)
        rotation.switch()
    if ctx.fleet.app(name).state == "stopped":
        # Its old token was refused; the new one is not.
        ctx.fleet.control("app", name, "resume")
    while not rotation.drained():
        _rest(until, name, "calls with the old token are still on the wire")
    show_one(ctx.fleet.app(name).to_dict(), form)


def _check(ctx: Context, rotation: Rotation, name: str, until: float) -> None:
    """Return once a worker has had the new token accepted. Raises NotAccepted."""
    job = _job_of(ctx, rotation, name)
    while not (job := ctx.jobs.get(job.id)).state.terminal:
        _rest(until, name, f"no worker has tried the new token yet (`bulkhead jobs show {job.id}`)")
    if job.counts.succeeded == job.counts.total:
        return
    rotation.drop()
    raise _refused(ctx, job, name)


def _job_of(ctx: Context, rotation: Rotation, name: str) -> Job:
    """The job that tries the token: the one an interrupted rotation left, or a new one."""
    from bulkhead.engine.draft import Request
    from bulkhead.engine.rotation import CHECK
    from bulkhead.model.batch import ONE_CALL
    from bulkhead.submitting import submit_batches

    left = (ctx.fleet.app(name).live["rotation"] or {}).get("job")
    if left:
        job = ctx.jobs.get(left)
        if not job.state.terminal or job.counts.succeeded == job.counts.total:
            return job
    request = Request(
        CHECK, name.split("/", maxsplit=1)[0], name, priority="urgent", max_attempts=2
    )
    # Nobody asked for this job: what became of it is told as the end of the rotation.
    job = submit_batches(ctx.scripts, request, [ONE_CALL], lambda: {"rows": 1})
    rotation.checked_by(job.id)
    return job


def _refused(ctx: Context, job: Job, name: str) -> BulkheadError:
    said = next((row.to_dict() for row in ctx.jobs.results(job.id)), {})
    why = said.get("message") or f"its check ended as {job.state.value}"
    return NotAccepted(
        f"the new token of {name} was not accepted",
        why=f"{why} ({said.get('code') or job.id})",
        to_do="the old token is used as before; paste the new one again from the mesibo console",
    )


def _rest(until: float, name: str, why: str) -> None:
    if time.monotonic() >= until:
        raise StillGoing(
            f"the rotation of {name} is not over yet",
            why=why,
            to_do="run the same command again: it goes on where it stopped",
        )
    time.sleep(LOOK_EVERY)
