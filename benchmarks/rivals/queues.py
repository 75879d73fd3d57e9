"""A queue with one message per item, over a store like ours."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backend import Backend
from benchmarks.leg import Leg
from benchmarks.loops import TOKEN
from benchmarks.rivals import node
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore

LONGEST = 40.0
"""Seconds that each half of a leg may take."""
ENDS_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Setup:
    """A rival: its commands, its share of the items, and how safely its broker keeps them."""

    name: str
    sends: Sequence[str]
    """Prints the seconds it took to enqueue as many items as the word put behind it says."""
    works: Sequence[str]
    processes: int
    """How many times `works` is started; some start their processes by themselves."""
    share: float
    """Of the items that we get: so many that a leg takes some seconds."""
    note: str
    fsync: str = "always"
    needs_node: bool = False


SEND = (sys.executable, "-m", "benchmarks.rivals.send")
# Quieter than Celery's defaults, which all of its users could have: these only help it.
CELERY = (
    *(sys.executable, "-m", "celery", "-A", "benchmarks.rivals.celery_app", "worker"),
    *("--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)
THREADS = (*CELERY, "--pool", "threads", "--concurrency", "8")
PREFORK = (*CELERY, "--pool", "prefork", "--concurrency", "2")
DRAMATIQ = (
    *(sys.executable, "-m", "dramatiq", "benchmarks.rivals.dramatiq_app"),
    *("--processes", "2", "--threads", "8", "--skip-logging"),
)
TASKIQ = (
    *(sys.executable, "-m", "taskiq", "worker", "benchmarks.rivals.taskiq_app:broker"),
    *("--workers", "2", "--max-async-tasks", "100", "--max-prefetch", "100", "--no-parse"),
    *("--log-level", "ERROR"),
)
BULLMQ_SEND, BULLMQ = (("node", str(node.SCRIPT), verb) for verb in ("send", "work"))

SETUPS = (
    Setup(
        "Celery task per item, 2 × 8 threads",
        *((*SEND, "celery"), THREADS, 2, 0.25),
        note="no events, gossip, mingle, heartbeat or results",
    ),
    Setup(
        "Celery task per item, prefork 2",
        *((*SEND, "celery"), PREFORK, 1, 0.25),
        note="the same, one worker with two processes",
    ),
    Setup(
        "Dramatiq, 2 × 8 threads",
        *((*SEND, "dramatiq"), DRAMATIQ, 1, 0.5),
        note="no middleware: no retries, no time limits",
    ),
    Setup(
        "taskiq, 2 × 100 at once",
        *((*SEND, "taskiq"), TASKIQ, 1, 0.5),
        note="uvloop, list broker (no acknowledgements), no results, no parsing, aiohttp",
    ),
    Setup(
        "BullMQ, 2 × 50 at once",
        *(BULLMQ_SEND, BULLMQ, 2, 1.0),
        note="Node, undici, addBulk of 1,000, jobs removed when done",
        needs_node=True,
    ),
    # Accepted jobs of up to a second are lost with the machine: many run it like this.
    Setup(
        "BullMQ, the same, store unsynced",
        *(BULLMQ_SEND, BULLMQ, 2, 1.0),
        note="as above, appendfsync everysec",
        fsync="everysec",
        needs_node=True,
    ),
)


def leg(backend: Backend, items: int, setup: Setup) -> Leg:
    """Enqueue and run, first one after the other, then both at once. Raises NoNode."""
    modules = str(node.install()) if setup.needs_node else ""
    items = round(items * setup.share)
    with (
        tempfile.TemporaryDirectory(prefix="bh-") as home,
        EmbeddedStore.start(Path(home)) as store,
    ):
        with connect(store.url) as redis:
            redis.config_set("appendfsync", setup.fsync)
        environ = os.environ | {
            "RIVAL_STORE": store.url,
            "RIVAL_BROKER": store.broker_url,
            "NODE_PATH": modules,
            "RIVAL_SOCKET": store.url.removeprefix("unix://").partition("?")[0],
            "RIVAL_URL": backend.url,
            "RIVAL_TOKEN": TOKEN,
            "RIVAL_CONCURRENCY": "50",
        }
        backend.reset()
        submit_s = enqueue(setup, items, environ)
        with workers(setup, environ):
            from_full_queue = backend.wait_for(items, LONGEST)
            backend.reset()
            began = time.monotonic()
            enqueue(setup, items, environ)
            while_enqueued = backend.wait_for(items, LONGEST)
            total_s = time.monotonic() - began
    # A full queue, but workers that start one after the other; or warm ones beside the sender.
    run_s = min(from_full_queue.seconds, while_enqueued.seconds)
    return Leg(setup.name, items, run_s, total_s, submit_s)


def enqueue(setup: Setup, items: int, environ: Mapping[str, str]) -> float:
    """Send one message per item from a process of its own; the seconds it took."""
    done = subprocess.run(
        [*setup.sends, str(items)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{setup.name} could not send: {done.stderr[-500:]}")
    return float(done.stdout)


@contextmanager
def workers(setup: Setup, environ: Mapping[str, str]) -> Iterator[None]:
    """Worker processes for as long as the block lasts."""
    running = [
        subprocess.Popen(
            setup.works,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(setup.processes)
    ]
    try:
        yield
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    try:
        worker.communicate(timeout=ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.communicate()
