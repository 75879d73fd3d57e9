"""Commands that are one part of the product each, and run until they are told to stop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from producers.cli.context import Context, pass_context

PORT = click.IntRange(0, 65535)


@click.command()
# `bulkhead up` starts again what ends, but not what somebody drained.
@click.option("--drained-code", type=int, default=0, hidden=True)
@pass_context
def worker(ctx: Context, /, drained_code: int) -> None:
    """Run a worker process; SIGTERM ends it within 10 s."""
    from worker.process import run

    sys.exit(run(ctx.settings, drained_code))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8700, show_default=True, help="0: the system chooses.")
def api(host: str, port: int) -> None:
    """Serve health, metrics and webhooks, also while the store is away."""
    # Another door: doors do not lead through each other, so this process becomes that one.
    _become("producers.api", "--host", host, "--port", str(port))


@click.group()
def sandbox() -> None:
    """Sandbox: a stand-in mesibo for trying things out."""


@sandbox.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8800, show_default=True, help="0: the system chooses.")
@click.option("--apps", type=click.Path(path_type=Path), metavar="FILE", help="Apps, as JSON.")
@click.option("--faults", type=click.Path(path_type=Path), metavar="FILE", help="Faults, as JSON.")
@click.option("--seed", type=int, help="Of faults and of tokens.")
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="One line a request.")
def sandbox_serve(
    host: str, port: int, apps: Path | None, faults: Path | None, seed: int | None, log: Path | None
) -> None:
    """Serve the stand-in mesibo until told to stop."""
    given = (("--apps", apps), ("--faults", faults), ("--seed", seed), ("--log", log))
    words = [word for name, value in given if value is not None for word in (name, str(value))]
    # It shares nothing with us but HTTP.
    _become("sandbox", "--host", host, "--port", str(port), *words)


def _become(module: str, *words: str) -> NoReturn:
    """Go on as that module, in this very process: the same pid, signals and exit code."""
    sys.stdout.flush()
    # -P: a file in the current folder must not pass itself off as the module.
    command = [sys.executable, "-P", "-m", module, *words]
    os.execv(sys.executable, command)  # noqa: S606 - our own program, no shell
