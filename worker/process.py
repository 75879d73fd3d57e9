"""One worker process from start to exit code. Celery's own command would print where we may not."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from celery import signals
from celery.apps.worker import Worker
from celery.worker import state
from structlog import get_logger

from bulkhead.settings import Settings
from worker import app as celery_app
from worker import logs
from worker.runtime import PARCELS, Runtime, current

ENDING = ("SIGTERM", "SIGINT", "SIGHUP")
"""All of them end the worker in the same, unhurried way."""

TURN = 0.0005
"""Seconds of a thread's turn with the interpreter: at Python's own 5 ms, whoever has one call to
start waits for the turns of the others (first call beside a flood: p99 136 ms, 779 with 5 ms)."""


def run(settings: Settings, drained_code: int = 0) -> int:
    """Work until told to stop; the exit code. Raises Unreachable if the store is away.

    `drained_code` is the one of a worker that ends because it was drained.
    """
    logs.configure(settings)
    sys.setswitchinterval(TURN)
    log = get_logger()
    for warning in settings.warnings:
        log.warning("setting_unknown", message=warning)
    app = celery_app.start(settings)
    runtime = current()
    _hide_secrets_of(runtime)
    process = Process(
        app=app,
        hostname=f"{runtime.verbs.worker}@{socket.gethostname()}",
        pool="threads",
        concurrency=PARCELS,
        loglevel="INFO",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    process.start()
    runtime.courier.caller.close()
    log.info("worker_stopped", worker=runtime.verbs.worker)
    return drained_code if runtime.stopping.drained else int(process.exitcode or 0)


class Process(Worker):  # type: ignore[misc]
    """Celery's worker with our signals and our log instead of its printed words."""

    _announced = False

    def install_platform_tweaks(self, worker: Any) -> None:
        """Celery's own handlers write to stdout, and on SIGHUP start the process anew."""
        for name in ENDING:
            signal.signal(getattr(signal, name), self._end)

    def _end(self, number: int, _frame: Any) -> None:
        # No log line here: the signal may have come in the middle of one.
        try:
            signals.worker_shutting_down.send(
                sender=self.hostname, sig=signal.Signals(number).name, how="Warm", exitcode=0
            )
        finally:
            state.should_stop = 0

    def on_consumer_ready(self, consumer: Any) -> None:
        """Called again after each reconnect; the worker started only once."""
        signals.worker_ready.send(sender=consumer)
        if not self._announced:
            self._announced = True
            verbs = current().verbs
            get_logger().info(
                "worker_started", worker=verbs.worker, cell=verbs.cell, egress=verbs.egress
            )

    def on_close(self) -> None:
        get_logger().info("worker_stopping", worker=current().verbs.worker)
        super().on_close()


def _hide_secrets_of(runtime: Runtime) -> None:
    for key in (runtime.site.keys.current, *runtime.site.keys.earlier):
        logs.redactor.register(key)
    for url in (runtime.site.store_url, runtime.site.broker_url):
        password = urlsplit(url).password
        if password:
            logs.redactor.register(password)
            logs.redactor.register(unquote(password))
