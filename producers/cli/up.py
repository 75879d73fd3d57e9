"""`bulkhead up`: everything in one terminal."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import click
from structlog import get_logger

from producers.cli.context import Context, pass_context
from producers.cli.ensemble import Ensemble
from producers.cli.output import command_here
from producers.cli.sandbox_app import hold, register, remind
from worker import logs

LOOK_EVERY = 0.5
EXAMPLE = "examples/people.csv"


@click.command()
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes. [one a core]")
@click.option("--port", default=8700, show_default=True, help="Port of health and metrics.")
@click.option("--sandbox", is_flag=True, help="Also run a stand-in mesibo with the app demo/shop.")
@click.option("--sandbox-port", default=8800, show_default=True, help="Port of the stand-in.")
@pass_context
def up(ctx: Context, /, workers: int | None, port: int, sandbox: bool, sandbox_port: int) -> None:
    """Run store, workers and api until Ctrl-C."""
    logs.configure(ctx.settings)
    log = get_logger()
    stopping = _stop_on_signals()
    number = workers or os.cpu_count() or 1
    with Ensemble(ctx.settings) as ensemble:
        if ensemble.store:
            log.info("store_started", path=str(ctx.settings.home))
        port = ensemble.add_api(port)
        address = ensemble.add_sandbox(sandbox_port) if sandbox else None
        if address:
            register(ctx, address)
            if ctx.settings.origin("realtime_package") == "default":
                ensemble.play_realtime(address)
        ensemble.add_workers(number)
        ensemble.wait_for_workers(number, lambda: len(ctx.fleet.workers()), stopping)
        if not stopping.is_set():
            _welcome(ctx, port, address)
        _keep(ctx, ensemble, address, stopping)
    if ensemble.store:
        log.info("store_stopped")


def _keep(ctx: Context, ensemble: Ensemble, sandbox: str | None, stopping: threading.Event) -> None:
    """Start again what ends, until stopping is asked for."""
    forgotten = False
    while not stopping.wait(LOOK_EVERY):
        for name in ensemble.keep():
            get_logger().warning("part_restarted", part=name)
            if name == "sandbox":
                forgotten = True
                hold(ctx)
        if forgotten and sandbox:
            forgotten = not remind(ctx, sandbox)


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopping


def _welcome(ctx: Context, port: int, address: str | None) -> None:
    here = command_here()
    if ctx.settings.origin("home") != "default":
        here = f"BULKHEAD_HOME={ctx.settings.home} {here}"
    click.echo(f"\nBulkhead is up. Health and metrics: http://127.0.0.1:{port}/healthz /metrics")
    if address:
        click.echo(f"The sandbox answers at {address}/backend/ as the app demo/shop.")
        if ctx.settings.origin("realtime_package") == "default":
            click.echo("Real-time messages go there too, in place of mesibo's own package.")
        click.echo("Paste this in another terminal:\n")
        click.echo(f"  {here} users import {EXAMPLE} --app demo/shop --watch\n")
    else:
        click.echo(f"Next: {here} tenants add acme; {here} apps add --help\n")
    click.echo("Ctrl-C ends it; calls in flight are given time, and nothing is lost.")
