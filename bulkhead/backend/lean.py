"""Calls over connections of our own, all in the caller's thread: the quick way."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from urllib.parse import urlsplit

from requests import RequestException

from bulkhead.backend.caller import Caller
from bulkhead.backend.connection import Connection
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.form import Body
from bulkhead.backend.head import of_type, template
from bulkhead.backend.opening import NoWay, Origin, open_way
from bulkhead.backend.reply import Reply, Withheld, not_sent

IDLE_FOR = 30.0
"""Seconds that a connection is kept unused: what is forgotten on the way is not found out."""

IDLE_AT_MOST = 256
"""Connections kept unused in a process."""

ENDPOINTS_KEPT = 4_096

Told = Callable[[Reply | Withheld], None]


@dataclass(frozen=True, slots=True)
class _Site:
    """An endpoint as a call needs it."""

    origin: Origin
    head: bytes


def _always() -> bool:
    return True


class LeanTransport:
    """POSTs bodies to backends; for whatever it does not do, `serves` is false.

    Network trouble is a value, never an exception, and no reason ever quotes the request.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._sites: OrderedDict[Endpoint, _Site] = OrderedDict()
        self._idle: dict[Origin, deque[Connection]] = {}
        self._idle_count = 0
        self._all: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def serves(self, endpoint: Endpoint) -> bool:
        """True for plain ways: no proxy, and a host that needs no translation."""
        return endpoint.proxy is None and endpoint.base_url.isascii()

    def send(
        self, endpoint: Endpoint, body: Body, told: Told, may_go: Callable[[], bool] = _always
    ) -> None:
        """Send one body, once; `told` is told what is certain. In the caller's thread.

        `may_go` is asked again if the way had to be opened first, just before the first byte.
        """
        try:
            site = self._site(endpoint)
        except (RequestException, ValueError):
            self._caller.loop.call_soon(told, not_sent("other", 0.0))
            return
        if isinstance(body, bytes):
            request = b"%b%d\r\n\r\n%b" % (site.head, len(body), body)
        else:
            head = of_type(site.head, body.content_type)
            request = b"%b%d\r\n\r\n%b" % (head, len(body), body.content)
        connection = self._take(site.origin)
        if connection is not None:
            connection.ask(request, endpoint.read_timeout, told)
            return
        opening = self._open(site.origin, endpoint, request, told, may_go)
        task = self._caller.loop.create_task(opening)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def post(self, endpoint: Endpoint, body: Body) -> Reply:
        """The same for any other thread, which waits."""
        replies: SimpleQueue[Reply | Withheld] = SimpleQueue()
        self._caller.soon(self.send, endpoint, body, replies.put)
        reply = replies.get()
        assert not isinstance(reply, Withheld)  # noqa: S101 - it may always go
        return reply

    def close(self) -> None:
        """Close every connection; a call made later opens new ones."""
        closed: SimpleQueue[None] = SimpleQueue()
        self._caller.soon(self._close_all)
        self._caller.soon(closed.put, None)
        closed.get(timeout=10)

    async def _open(
        self,
        origin: Origin,
        endpoint: Endpoint,
        request: bytes,
        told: Told,
        may_go: Callable[[], bool],
    ) -> None:
        started, loop = monotonic(), self._caller.loop
        try:
            sock, cover = await open_way(loop, origin, endpoint.connect_timeout)
            connection = Connection(loop, sock, cover, _Keeping(self, origin), self._all.discard)
        except Exception as error:
            kind = error.kind if isinstance(error, NoWay) else "other"
            told(not_sent(kind, monotonic() - started))
            return
        self._all.add(connection)
        if may_go():
            connection.ask(request, endpoint.read_timeout, told)
        else:
            self.keep(origin, connection)
            told(Withheld())

    def _site(self, endpoint: Endpoint) -> _Site:
        site = self._sites.get(endpoint)
        if site is None:
            site = self._sites[endpoint] = _made(endpoint)
            if len(self._sites) > ENDPOINTS_KEPT:
                self._sites.popitem(last=False)
        return site

    def _take(self, origin: Origin) -> Connection | None:
        """The connection used last, if it is fit to be used again."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if monotonic() - connection.idle_since > IDLE_FOR:
                connection.close()
            elif connection.fit():
                return connection
        return None

    def keep(self, origin: Origin, connection: Connection) -> None:
        """It may be asked again."""
        connection.idle_since = monotonic()
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append(connection)
        self._idle_count += 1
        if self._idle_count > IDLE_AT_MOST:
            self._let_go()

    def _let_go(self) -> None:
        """Close what has been unused for longest; forget the origins of which none is left."""
        for origin in [origin for origin, idle in self._idle.items() if not idle]:
            del self._idle[origin]
        oldest = min(self._idle.values(), key=lambda idle: idle[0].idle_since)
        oldest.popleft().close()
        self._idle_count -= 1

    def _close_all(self) -> None:
        self._idle.clear()
        self._idle_count = 0
        for connection in list(self._all):
            connection.close()


@dataclass(frozen=True, slots=True)
class _Keeping:
    """Where a connection goes when it has done its work."""

    transport: LeanTransport
    origin: Origin

    def __call__(self, connection: Connection) -> None:
        self.transport.keep(self.origin, connection)


def _made(endpoint: Endpoint) -> _Site:
    """The request's head as requests would write it, up to the length of the body."""
    prepared = template(endpoint)
    parts = urlsplit(prepared.url or "")
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if tls else 80)
    if parts.port is not None and port != (443 if tls else 80):
        named = f"{named}:{port}"
    lines = [f"POST {prepared.path_url} HTTP/1.1", f"Host: {named}"]
    lines += [
        f"{name}: {value}" for name, value in prepared.headers.items() if name != "Content-Length"
    ]
    head = "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")
    return _Site(Origin(host, port, tls, endpoint.ca_file), head)
