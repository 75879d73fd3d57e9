"""How many useradd a second the sandbox answers on one core: `python -m benchmarks.sandbox_rate`.

The server has the first core to itself, a raw socket client the second. No figure is printed
unless the server's own record has every address exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

TOKEN = "benchmark-app-token-0001"
HEAD = "POST /backend/ HTTP/1.1\r\nHost: local\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Rate:
    """Useradd calls answered, in seconds of clock and of the server's own processor time."""

    calls: int
    seconds: float
    server_seconds: float

    def __str__(self) -> str:
        wall, own = self.calls / self.seconds, self.calls / self.server_seconds
        return f"{wall:8,.0f} useradd/s   {own:8,.0f} per second of server CPU"


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--calls", type=int, default=40_000)
    flags.add_argument("--connections", type=int, default=16)
    flags.add_argument("--log", help="also write the request log to this file")
    given = flags.parse_args()
    extra = ["--log", given.log] if given.log else []
    with running([sys.executable, "-m", "sandbox", "--port", "0", *extra]) as server:
        print("sandbox", measure(server, given.calls, given.connections), flush=True)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready, and its process."""

    process: subprocess.Popen[str]
    address: tuple[str, int]

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def cpu_seconds(self) -> float:
        """Processor time it has used, user and system, from /proc."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: list[str]) -> Iterator[Server]:
    """A server on the first core, its address read from the last word of its first line."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])  # the server inherits it
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(0, cores[-1:])
    try:
        url = urlsplit(process.stdout.readline().split()[-1])
        yield Server(process, (url.hostname, url.port))
    finally:
        process.terminate()
        process.wait(10)
        os.sched_setaffinity(0, cores)


def measure(server: Server, calls: int, connections: int) -> Rate:
    """Add `calls` users over keep-alive connections, and check the server's record."""
    registration = json.dumps({"token": TOKEN, "edition": "cloud", "rate": None}).encode()
    urllib.request.urlopen(f"{server.url}/_sandbox/apps", registration, timeout=10).close()
    requests = [one_request(n) for n in range(calls)]
    cpu, start = server.cpu_seconds(), time.perf_counter()
    drive(server.address, requests, connections)
    rate = Rate(calls, time.perf_counter() - start, server.cpu_seconds() - cpu)
    with urllib.request.urlopen(f"{server.url}/_sandbox/received?summary=1", timeout=60) as answer:
        record = json.load(answer)
    if (record["distinct_keys"], record["committed"]) != (calls, calls):
        sys.exit(f"the record has {record['distinct_keys']} addresses of {calls}: no figure")
    return rate


def one_request(n: int) -> bytes:
    user = {"address": f"user-{n}@example.test", "name": f"User {n}", "active": True}
    body = json.dumps({"op": "useradd", "token": TOKEN, "id": n, "user": user})
    return f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def drive(address: tuple[str, int], requests: list[bytes], connections: int) -> None:
    """Keep one request on every connection until all are answered."""
    selector = selectors.DefaultSelector()
    waiting = list(reversed(requests))
    for _ in range(connections):
        client = socket.create_connection(address, timeout=10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(waiting.pop())
        selector.register(client, selectors.EVENT_READ, bytearray())
    while selector.get_map():
        for key, _ in selector.select(10):
            client, heard = key.fileobj, key.data
            heard += client.recv(65_536)
            if not heard.endswith(b"}"):  # head and body may come in two pieces
                continue
            if b'"result":true' not in heard:
                sys.exit(f"unexpected answer: {bytes(heard)!r}")
            heard.clear()
            if waiting:
                client.sendall(waiting.pop())
            else:
                selector.unregister(client)
                client.close()


if __name__ == "__main__":
    main()
