"""Store, workers, api and sandbox as one: started together, kept alive, ended in order."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import IO, Self

from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.errors import Conflict, Unreachable
from bulkhead.settings import PREFIX, Settings, child_environment

STAND_IN = "sandbox.standin"
"""The module that stands in for the real-time package."""
STARTS_WITHIN = 90.0
QUICK = 30.0
"""Seconds: a part that ends before it has run so long waits longer each time."""
ENDS_WITHIN = 15.0
DRAINED = 64
"""The exit code of a worker that ended because it was told to take nothing more."""
RESTART_AFTER = 1.0
"""Seconds; doubled while a part keeps ending at once, up to half a minute."""


@dataclass(slots=True)
class Part:
    """One process of the ensemble, on a leash."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    restart_at: float = 0.0
    started_at: float = 0.0

    @property
    def drained(self) -> bool:
        return self.process is not None and self.process.poll() == DRAINED


@dataclass(slots=True)
class Ensemble:
    """Use as a context; `keep` restarts what ended."""

    settings: Settings
    log: IO[bytes] | None = None
    store: EmbeddedStore | None = None
    parts: list[Part] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    """What its parts have besides the settings."""

    def __enter__(self) -> Self:
        if self.settings.redis_url is None:
            self.store = EmbeddedStore.start(self.settings.home)
        return self

    def __exit__(self, *_: object) -> None:
        """Workers first, so that they can settle; the store last."""
        for part in reversed(self.parts):
            if part.process and part.process.stdin:
                part.process.stdin.close()
        deadline = time.monotonic() + ENDS_WITHIN
        for part in self.parts:
            if part.process:
                try:
                    part.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    part.process.kill()
        if self.store:
            self.store.stop()

    def add_workers(self, number: int) -> None:
        """Start this many worker processes."""
        for index in range(number):
            words = ["worker", "--drained-code", str(DRAINED)]
            self._add(Part(f"worker {index + 1}", [*_bulkhead(), *words]))

    def add_api(self, port: int) -> int:
        """Start the api; the port, which for 0 is a free one. Raises Conflict if it is taken."""
        port = port or free_port()
        refuse_taken(port)
        # What `bulkhead api` becomes, without the start of a command before it.
        words = ["-P", "-m", "producers.api", "--port", str(port)]
        self._add(Part("api", [sys.executable, *words]))
        return port

    def add_sandbox(self, port: int, *words: str) -> str:
        """Start the stand-in mesibo: the address it answers at, without a path."""
        if port:
            refuse_taken(port, "--sandbox-port")
        command = [sys.executable, "-u", "-m", "sandbox", "--port", str(port), *words]
        part = Part("sandbox", command)
        self._start(part, output=subprocess.PIPE)
        assert part.process is not None and part.process.stdout is not None  # noqa: S101, PT018
        first = part.process.stdout.readline().decode()
        found = re.search(r"http://[^/\s]+", first)
        if found is None:
            raise Unreachable("the sandbox did not start", why=first.strip() or "it said nothing")
        part.command[part.command.index("--port") + 1] = found[0].rpartition(":")[2]
        self.parts.append(part)
        return found[0]

    def play_realtime(self, address: str) -> None:
        """Workers that start from now on keep sessions with the sandbox's stand-in, there."""
        self.environment |= {
            f"{PREFIX}REALTIME_PACKAGE": STAND_IN,
            f"{PREFIX}REALTIME_SANDBOX": address,
        }

    def keep(self) -> list[str]:
        """Start again what ended; the names of the parts that had. A drained worker is let go."""
        ended = []
        now = time.monotonic()
        self.parts = [part for part in self.parts if not part.drained]
        for part in self.parts:
            if part.process and part.process.poll() is not None:
                ended.append(part.name)
                quick = now - part.started_at < QUICK
                part.failures = part.failures + 1 if quick else 0
                part.restart_at = now + min(30.0, RESTART_AFTER * 2**part.failures)
                part.process = None
            if part.process is None and now >= part.restart_at:
                self._start(part)
        if self.store and not self.store.running:
            raise Unreachable("the embedded store has ended", to_do="start `bulkhead up` again")
        return ended

    def wait_for_workers(
        self, number: int, count: Callable[[], int], stopping: Event | None = None
    ) -> None:
        """Return when so many workers beat, or stopping was asked for. Raises Unreachable."""
        stopping = stopping or Event()
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if stopping.is_set() or count() >= number:
                return
            self.keep()
            stopping.wait(0.05)
        raise Unreachable(
            "the workers did not start in time",
            why=f"fewer than {number} beat after {STARTS_WITHIN:.0f} s",
            to_do="see their lines above, or run `bulkhead doctor`",
        )

    def _add(self, part: Part) -> None:
        self._start(part)
        self.parts.append(part)

    def _start(self, part: Part, output: int | None = None) -> None:
        part.started_at = time.monotonic()
        part.process = subprocess.Popen(
            [sys.executable, "-m", "worker.leash", *part.command],
            stdin=subprocess.PIPE,
            stdout=output if output is not None else self.log,
            stderr=self.log,
            env=child_environment(self.settings) | self.environment,
            start_new_session=True,
        )


def free_port() -> int:
    """A port of this machine that nothing listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def refuse_taken(port: int, option: str = "--port") -> None:
    """Raises Conflict, naming the port and the option for another, if something listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Conflict(
                f"port {port} is taken",
                why=os.strerror(error.errno or 0),
                to_do=f"end what uses it, or choose another with {option}",
            ) from None


def _bulkhead() -> list[str]:
    return [sys.executable, "-m", "producers.cli"]
