"""What the demo types, as a person would."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import click

from bulkhead.model.job import Job
from producers.cli.context import Context


def typed(ctx: Context, command: click.Command, *words: str) -> Job:
    """The job that this command line orders, ended. Raises BulkheadError."""
    out = io.StringIO()
    with redirect_stdout(out):
        asked = [*words, "--yes", "--wait", "--timeout", "120s", "-o", "json"]
        command.main(asked, command.name, obj=ctx, standalone_mode=False)
    return ctx.jobs.get(json.loads(out.getvalue())["id"])
