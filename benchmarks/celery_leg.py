"""Celery with one task per item, over a store like ours."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backend import Backend
from benchmarks.leg import Leg, address
from benchmarks.loops import TOKEN
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore

LONGEST = 240.0
"""Seconds that a leg may take."""

# Quieter than Celery's defaults, which all of its users could have: these only help it.
QUIET = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
THREADS = ["--pool", "threads", "--concurrency", "8"]
PREFORK = ["--pool", "prefork", "--concurrency", "2"]


@dataclass(frozen=True, slots=True)
class Setup:
    """How Celery is run: worker processes, their pool, and how safely its broker keeps tasks."""

    name: str
    processes: int
    pool: Sequence[str]
    fsync: str = "always"


SETUPS = (
    Setup("Celery task per item, 2 × 8 threads", 2, THREADS),
    Setup("Celery task per item, prefork 2", 1, PREFORK),
    # Accepted tasks of up to a second are lost with the machine: many run it like this.
    Setup("the same threads, broker unsynced", 2, THREADS, "everysec"),
)


def leg(backend: Backend, items: int, setup: Setup) -> Leg:
    """Enqueue and run, first one after the other, then both at once."""
    with tempfile.TemporaryDirectory() as home, EmbeddedStore.start(Path(home)) as store:
        with connect(store.url) as redis:
            redis.config_set("appendfsync", setup.fsync)
        environ = {"RIVAL_BROKER": store.broker_url, "RIVAL_URL": backend.url}
        os.environ.update(environ, RIVAL_TOKEN=TOKEN)
        backend.reset()
        submit_s = enqueue(items)
        with workers(setup.pool, setup.processes):
            from_full_queue = backend.wait_for(items, LONGEST)
            backend.reset()
            began = time.monotonic()
            enqueue(items)
            while_enqueued = backend.wait_for(items, LONGEST)
            total_s = time.monotonic() - began
    # A full queue, but workers that start one after the other; or warm ones beside the sender.
    run_s = min(from_full_queue.seconds, while_enqueued.seconds)
    return Leg(setup.name, items, run_s, total_s, submit_s)


def enqueue(items: int) -> float:
    """Send the tasks from a process of its own, over one connection; the seconds it took."""
    command = [sys.executable, "-m", "benchmarks.celery_leg", str(items)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def workers(pool: Sequence[str], processes: int) -> Iterator[None]:
    """Worker processes for as long as the block lasts."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.celery_app", "worker"]
    running = [
        subprocess.Popen(
            [*command, *QUIET, *pool, "--hostname", f"rival{n}@%h"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for n in range(processes)
    ]
    try:
        yield
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait()


def send(items: int) -> float:
    """Send one task per item; the seconds without the start of the process."""
    from benchmarks.celery_app import add_user, app  # noqa: PLC0415 - reads its environment

    with app.producer_pool.acquire(block=True) as producer:
        began = time.monotonic()
        for number in range(items):
            row = (address(number), f"User {number}")
            add_user.apply_async(row, producer=producer)
        return time.monotonic() - began


if __name__ == "__main__":
    print(send(int(sys.argv[1])))
