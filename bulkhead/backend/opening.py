"""The way to a backend: its name resolved, a connection made, TLS agreed on."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from bulkhead.backend.reply import Kind

PIECE = 1 << 14
"""Bytes that are read at once."""

Made = TypeVar("Made")
Address = tuple[Any, ...]


class NoWay(Exception):
    """There is no connection, and nothing of a request has left."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Origin:
    """What one connection leads to."""

    host: str
    port: int
    tls: bool
    ca_file: str | None = None


class Clear:
    """What is said on the wire is what is meant."""

    def wrap(self, data: bytes) -> bytes:
        return data

    def unwrap(self, data: bytes) -> bytes:
        return data


class Covered:
    """TLS over bytes that somebody else carries."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def wrap(self, data: bytes) -> bytes:
        """The bytes to carry. Raises SSLError."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def unwrap(self, data: bytes) -> bytes:
        """What was meant by these bytes and those before. Raises SSLError."""
        self._incoming.write(data)
        pieces = []
        with suppress(ssl.SSLWantReadError):
            while piece := self._tls.read(PIECE):
                pieces.append(piece)
        return b"".join(pieces)

    async def shake_hands(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        """Agree with the other side. Raises SSLError, or OSError where it goes away."""
        while True:
            agreed = False
            with suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
                agreed = True
            if said := self._outgoing.read():
                await loop.sock_sendall(sock, said)
            if agreed:
                return
            if heard := await loop.sock_recv(sock, PIECE):
                self._incoming.write(heard)
            else:
                self._incoming.write_eof()


Cover = Clear | Covered


async def open_way(
    loop: asyncio.AbstractEventLoop, origin: Origin, seconds: float
) -> tuple[socket.socket, Cover]:
    """A connected socket that never blocks; `seconds` for each address tried. Raises NoWay."""
    addresses, context = await _prepared(loop, origin)
    sock = await _connected(loop, addresses, seconds)
    if context is None:
        return sock, Clear()
    try:
        async with asyncio.timeout(seconds):
            cover = Covered(context, origin.host)
            await cover.shake_hands(loop, sock)
        return sock, cover
    except BaseException as error:
        sock.close()
        raise _no_way(error) from error


async def _prepared(
    loop: asyncio.AbstractEventLoop, origin: Origin
) -> tuple[list[Address], ssl.SSLContext | None]:
    literal = _literal(origin)
    if literal is not None and not origin.tls:
        return [literal], None
    try:
        return await _beside(loop, lambda: (_resolved(origin), _context(origin)))
    except BaseException as error:
        raise _no_way(error) from error


async def _connected(
    loop: asyncio.AbstractEventLoop, addresses: list[Address], seconds: float
) -> socket.socket:
    """Connected to the first address that answers, each given the same time."""
    trouble: BaseException = OSError("no address")
    for family, address in addresses:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            trouble = error
            continue
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(seconds):
                await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            sock.close()
            trouble = error
        except BaseException:
            sock.close()
            raise
    raise _no_way(trouble) from trouble


def _no_way(error: BaseException) -> BaseException:
    """What is said of it; a wish to end is passed on as it is."""
    if isinstance(error, NoWay) or not isinstance(error, Exception):
        return error
    kinds: tuple[tuple[type[Exception], Kind], ...] = (
        (socket.gaierror, "dns"),
        (UnicodeError, "dns"),
        (ssl.SSLError, "tls"),
        (_NoAuthority, "tls"),
        (TimeoutError, "timeout"),
        (OSError, "refused"),
    )
    return NoWay(next((kind for of, kind in kinds if isinstance(error, of)), "other"))


def _literal(origin: Origin) -> Address | None:
    """The address that a host of digits is, without asking anybody."""
    try:
        version = ip_address(origin.host).version
    except ValueError:
        return None
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return family, (origin.host, origin.port)


def _resolved(origin: Origin) -> list[Address]:
    literal = _literal(origin)
    if literal is not None:
        return [literal]
    found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


async def _beside(loop: asyncio.AbstractEventLoop, work: Callable[[], Made]) -> Made:
    """The work's result, from a thread of its own: a resolver that hangs delays nobody else.

    A daemon, not a pool's thread: at the end of the process nobody waits for it.
    """
    answer: asyncio.Future[Made] = loop.create_future()

    def tell(made: Made | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(made)  # type: ignore[arg-type]

    def run() -> None:
        made, trouble = None, None
        try:
            made = work()
        except Exception as error:
            trouble = error
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, made, trouble)

    threading.Thread(target=run, name="opening", daemon=True).start()
    return await answer


class _NoAuthority(OSError):
    """The file of authorities is not there, or is none."""


_contexts: dict[tuple[str, float, int], ssl.SSLContext] = {}


def _context(origin: Origin) -> ssl.SSLContext | None:
    """As requests would verify; made once for each state of its file."""
    if not origin.tls:
        return None
    path = origin.ca_file or DEFAULT_CA_BUNDLE_PATH
    try:
        now = os.stat(path)
        state = (path, now.st_mtime, now.st_size)
        if state not in _contexts:
            made = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
            made.check_hostname = True
            folder = os.path.isdir(path)
            made.load_verify_locations(None if folder else path, path if folder else None)
            _contexts[state] = made
        return _contexts[state]
    except (OSError, ssl.SSLError) as error:
        raise _NoAuthority(type(error).__name__) from error
