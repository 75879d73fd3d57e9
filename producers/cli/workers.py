"""`bulkhead workers`: the processes that call mesibo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list, show_one

if TYPE_CHECKING:
    from bulkhead.engine.overview import WorkerNow

WORKERS = (
    *("worker", "host", "pid", "cell", "egress", "slots", "version", "beat_age_s", "live"),
    "draining",
)


@click.group()
def workers() -> None:
    """Workers: the processes that call mesibo."""


@workers.command("list")
@output_option
@pass_context
def list_(ctx: Context, /, form: str | None) -> None:
    """List workers that have beaten lately."""
    from bulkhead.engine.overview import Overview

    show_list([worker_row(worker) for worker in Overview(ctx.scripts).workers()], WORKERS, form)


@workers.command("drain")
@click.argument("name")
@output_option
@pass_context
def drain(ctx: Context, /, name: str, form: str | None) -> None:
    """Have a worker take nothing new, finish its calls and end."""
    from bulkhead.engine.brakes import Brakes

    Brakes(ctx.scripts).drain(name)
    show_one({"worker": name, "state": "draining"}, form)


def worker_row(worker: WorkerNow) -> dict[str, Any]:
    """A worker as `workers list` and `status` show it."""
    return {
        "worker": worker.worker,
        "host": worker.host,
        "pid": int(worker.pid) if worker.pid.isdigit() else None,
        "cell": worker.cell,
        "egress": worker.egress,
        "slots": int(worker.slots) if worker.slots.isdigit() else None,
        "version": worker.version,
        "beat_age_s": worker.beat_age,
        "live": worker.live,
        "draining": worker.draining,
    }
