"""Bulkhead itself, as `bulkhead up` starts it: everything on, its logs to a file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.backend import Backend, WrongCount
from benchmarks.leg import Leg, address
from benchmarks.loops import TOKEN

APP = "bench/shop"
COMMAND = [sys.executable, "-m", "producers.cli"]
WORKERS = 2
STARTED_WITHIN = 60.0
ENDS_WITHIN = 40.0
"""Seconds."""

# Limits that never hold a call back: the bare loops have none either.
LIMITS = ["--rate", "1000000/s", "--burst", "100000", "--max-in-flight", "256"]


def leg(backend: Backend, name: str, items: int, log_level: str = "INFO") -> Leg:
    """Import a CSV file with this many rows and wait for its end."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environ = {**os.environ, "BULKHEAD_HOME": folder, "BULKHEAD_LOG_LEVEL": log_level}
        with running(home, environ):
            add_app(environ, backend.url)
            backend.reset()
            return _import(backend, name, people(home, items), items, environ)


def add_app(environ: Mapping[str, str], url: str) -> None:
    """The one app of the benchmarks, with limits that hold nothing back."""
    command(environ, "tenants", "add", "bench")
    add = ("apps", "add", APP, "--base-url", url, "--token-file", "-")
    command(environ, *add, *LIMITS, given=TOKEN)


def _import(backend: Backend, name: str, file: Path, items: int, environ: Mapping[str, str]) -> Leg:
    began = time.monotonic()
    job = command(environ, "users", "import", str(file), "--app", APP, "--wait")
    total_s = time.monotonic() - began
    count = backend.exactly(items)
    if job["counts"]["succeeded"] != items:
        raise WrongCount(f"the job counts {job['counts']}, the backend {count.distinct}")
    return Leg(name, items, count.seconds, total_s, between(job, "created_at", "validated_at"))


@contextmanager
def running(
    home: Path, environ: Mapping[str, str], workers: int = WORKERS
) -> Iterator[subprocess.Popen[bytes]]:
    """`bulkhead up` for as long as the block lasts."""
    with (home / "up.log").open("wb") as log:
        words = ["up", "--workers", str(workers), "--port", str(_free_port())]
        up = subprocess.Popen(_command(*words), env=environ, stdout=log, stderr=log)
        try:
            _wait_until_up(up, home / "up.log")
            yield up
        finally:
            up.terminate()
            _end(up)


def _end(up: subprocess.Popen[bytes]) -> None:
    try:
        up.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        # Its store and workers end by themselves when it is gone.
        up.kill()
        up.wait()


def command(environ: Mapping[str, str], *words: str, given: str = "") -> dict[str, Any]:
    """What a command says as JSON."""
    done = subprocess.run(
        [*_command(*words), "-o", "json"],
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"bulkhead {words[0]} {words[1]}: {done.stderr.strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _command(*words: str) -> list[str]:
    return [*COMMAND, *words]


def _wait_until_up(up: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while b"Bulkhead is up" not in log.read_bytes():
        if up.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"bulkhead up did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def people(folder: Path, items: int) -> Path:
    """A CSV file of so many users."""
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write("address,name\n")
        out.writelines(f"{address(number)},User {number}\n" for number in range(items))
    return path


def between(job: Mapping[str, Any], first: str, last: str) -> float:
    """Seconds between two of a job's times."""
    start, end = (datetime.fromisoformat(job["times"][name]) for name in (first, last))
    return (end - start).total_seconds()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
