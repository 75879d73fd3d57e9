"""Serves the API: one process, one port, an orderly end."""

from __future__ import annotations

import signal
import socket
from contextlib import closing

import uvicorn
from structlog import get_logger

from bulkhead import api_address
from bulkhead.errors import Conflict
from bulkhead.settings import Settings
from producers.api.app import make_api

HTTP = "h11"
"""Not httptools, which keeps a head of any length: one stranger could fill the memory."""
GRACE = 3
"""Seconds that requests in hand are given after SIGTERM."""


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM. Raises Conflict if the port is taken."""
    config = uvicorn.Config(
        make_api(settings),
        http=HTTP,
        # Logging is ours; a line a request is what a proxy's log is for.
        log_config=None,
        # Its warnings are about requests, a line each: any stranger could fill the log.
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    # uvicorn raises the signal again when it has ended well: that must not become exit 143.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with closing(_listen(host, port)) as listener:
        where = listener.getsockname()[:2]
        api_address.tell(settings.home, *where)
        try:
            _Server(config).run(sockets=[listener])
        finally:
            api_address.forget(settings.home, *where)
    get_logger().info("api_stopped")


class _Server(uvicorn.Server):
    """Says in our words where it listens, once a request would be answered."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        for listener in sockets or ():
            host, port, *_ = listener.getsockname()
            get_logger().info("api_started", host=host, port=port)


def _listen(host: str, port: int) -> socket.socket:
    # Bound here: uvicorn would end the process with its own words and code.
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Conflict(
            f"the API cannot listen on {host}:{port}",
            why=error.strerror or str(error),
            to_do="stop what listens there, or choose another with --host and --port",
        ) from error
    return listener
