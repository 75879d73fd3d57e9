"""Listen, serve until told to stop, leave nothing unwritten."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from sandbox import realtime
from sandbox.app import Registration
from sandbox.backend import PATHS, Backend
from sandbox.connection import Connection
from sandbox.control import PREFIX, Control
from sandbox.fault import Rule
from sandbox.log import FLUSH_S, RequestLog
from sandbox.realtime import Realtime
from sandbox.wire import Action, Reply, Request

_NOT_FOUND = Reply(404, b"not found\n", "text/plain")


@dataclass(frozen=True, slots=True)
class Options:
    """How the sandbox was asked to run; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 8800
    seed: int = 0
    apps: list[Registration] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)


class Site:
    """Sends each request to the backend or to the sandbox's own endpoints."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._realtime = Realtime(backend)
        self._control = Control(backend, self._realtime)

    def answer(self, request: Request) -> Action:
        """What to do about one request."""
        if request.path in PATHS:
            return self._backend.answer(request)
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        if request.path.startswith(realtime.PREFIX):
            return self._realtime.answer(request)
        return _NOT_FOUND


async def serve(options: Options, backend: Backend, log: RequestLog | None) -> None:
    """Serve until SIGTERM or SIGINT, then end every connection at once.

    Raises OSError if the port cannot be had, or as soon as the log cannot be written.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    site, connections = Site(backend), set[Connection]()
    server = await loop.create_server(
        lambda: Connection(site.answer, connections), options.host, options.port, backlog=1024
    )
    _announce(server, options.host)
    flushing = loop.create_task(_flush_regularly(log))
    flushing.add_done_callback(lambda _: stop.set())
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.abort()
    flushing.cancel()
    with suppress(asyncio.CancelledError):
        await flushing


def _announce(server: asyncio.AbstractServer, host: str) -> None:
    port = cast("asyncio.Server", server).sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    print(f"sandbox listening on http://{shown}:{port}/backend/", flush=True)  # noqa: T201 - data


async def _flush_regularly(log: RequestLog | None) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        if log is not None:
            log.flush()
