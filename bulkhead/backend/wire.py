"""urllib3 connections that know whether a request left, and how long an answer may take."""

from __future__ import annotations

import http.client
import io
import socket
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

HOSTS_KEPT = 128
"""Backends to which one thread keeps a connection open; a thread makes one call at a time."""


@dataclass(slots=True)
class Wire:
    """Whether a byte of the present request may have left this machine, and how many went by.

    The bytes are those of HTTP, without TLS and without what a proxy is asked.
    """

    touched: bool = False
    sent: int = 0
    received: int = 0


class _Deadlined(io.RawIOBase):
    """Reads a socket until the whole answer is late, however slowly it drips in."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, wire: Wire) -> None:
        self._sock, self._raw, self._wire = sock, raw, wire
        self._until = monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete in time")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        self._wire.received += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that must be complete, status line to last byte, within one read timeout."""

    def __init__(self, wire: Wire, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # The file made by the base class keeps the socket alive after `Connection: close`.
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Deadlined(sock, raw, wire))

    def begin(self) -> None:
        super().begin()
        # urllib3 logs the headers it could not parse, and a backend may have put our token there.
        self.headers.defects.clear()
        self.headers.set_payload("")


class Connection(HTTPConnection):
    """Marks the wire before a request's first byte, and takes it back if that was not accepted."""

    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire
        # http.client calls it as a class, with what it knows: the socket.
        self.response_class = partial(_Response, wire)  # type: ignore[assignment]
        self._parts: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        # Opened here, so that trouble on the way there is known to come before the request.
        if self.sock is None:
            self.connect()
        self._parts = []
        try:
            super().request(*args, **kwargs)
            request = b"".join(self._parts)
        finally:
            self._parts = None
        self._put(request)

    def send(self, data: Any) -> None:
        # Head and body leave together: one system call and one packet, not two.
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)

    def _put(self, request: bytes) -> None:
        self._wire.touched = True
        self._wire.sent += len(request)
        try:
            accepted = self.sock.send(request)
        except (BrokenPipeError, ConnectionResetError) as error:
            # Refused whole by our own kernel. Raised as an error of connecting, because
            # urllib3 passes over these two and would wait for an answer.
            self._wire.touched = False
            self._wire.sent -= len(request)
            raise NewConnectionError(self, "the kept connection was closed") from error
        if accepted < len(request):
            super().send(request[accepted:])


class TlsConnection(Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class WireAdapter(HTTPAdapter):
    """Requests' own adapter over these connections, for one thread; it never repeats a request."""

    def __init__(self, wire: Wire) -> None:
        # Before the base class, which makes the pool manager.
        self._wire = wire
        super().__init__(pool_connections=HOSTS_KEPT, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._watch(manager)
        return manager

    def _watch(self, manager: PoolManager) -> None:
        # urllib3 only calls these; what a pool does not know it hands to its connections.
        manager.pool_classes_by_scheme = {
            "http": partial(_Pool, wire=self._wire),  # type: ignore[dict-item]
            "https": partial(_TlsPool, wire=self._wire),  # type: ignore[dict-item]
        }
