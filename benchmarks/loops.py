"""Bare loops: two processes that only call, without a queue, limits, retries or accounts.

`python -m benchmarks.loops session|transport URL FIRST LAST` is one of the two processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import requests

from benchmarks.backend import Backend
from benchmarks.leg import Leg, address
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.transport import Answer, Transport

PROCESSES = 2
LONGEST = 60.0
"""Seconds that the calls may take."""
TOKEN = "benchmark" * 4


def leg(backend: Backend, kind: str, name: str, items: int) -> Leg:
    """Make the calls from two processes, which start together when both are ready."""
    backend.reset()
    share = items // PROCESSES
    command = [sys.executable, "-m", "benchmarks.loops", kind, backend.url]
    loops = [
        subprocess.Popen(
            [*command, str(n * share), str((n + 1) * share)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for n in range(PROCESSES)
    ]
    try:
        for loop in loops:
            assert loop.stdout is not None
            loop.stdout.readline()
        began = time.monotonic()
        for loop in loops:
            assert loop.stdin is not None
            loop.stdin.close()
        failed = [loop.wait(LONGEST) for loop in loops]
        took = time.monotonic() - began
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    if any(failed):
        raise RuntimeError(f"a loop of {name} failed")
    return Leg(name, items, backend.exactly(items).seconds, took)


def by_session(url: str, first: int, last: int) -> None:
    """As anybody would write it."""
    session = requests.Session()
    for number in range(first, last):
        user = {"address": address(number), "name": f"User {number}"}
        answer = session.post(
            url, json={"op": "useradd", "token": TOKEN, "user": user}, timeout=(5, 30)
        )
        assert answer.json()["result"] is True


def by_transport(url: str, first: int, last: int) -> None:
    """Our own call without the engine."""
    endpoint, transport = Endpoint(url), Transport()
    for number in range(first, last):
        user = {"address": address(number), "name": f"User {number}"}
        body = json.dumps({"op": "useradd", "token": TOKEN, "user": user}).encode()
        answer = transport.post(endpoint, body)
        assert isinstance(answer, Answer)
        assert json.loads(answer.body)["result"] is True


if __name__ == "__main__":
    kind, url, *bounds = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.read()
    {"session": by_session, "transport": by_transport}[kind](url, int(bounds[0]), int(bounds[1]))
