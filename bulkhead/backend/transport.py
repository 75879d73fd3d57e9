"""Carry one body to a backend over requests: the stock way, which also knows proxies."""

from __future__ import annotations

import http.client
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from time import monotonic

from requests import PreparedRequest, RequestException, Response, Session
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.form import Body
from bulkhead.backend.head import template
from bulkhead.backend.reply import (
    BROKEN,
    LARGEST_ANSWER,
    LATE,
    Answer,
    Kind,
    NoAnswer,
    Reply,
    not_sent,
)
from bulkhead.backend.wire import Wire, WireAdapter

_PIECE = 1 << 16
_TEMPLATES_KEPT = 1_024

# What goes wrong on the way to a proxy also shows as the error below it: the proxy first.
_KINDS: tuple[tuple[type[BaseException], Kind], ...] = (
    (ProxyError, "proxy"),
    (NameResolutionError, "dns"),
    (SSLError, "tls"),
    # Before the timeout, of which urllib3 makes it a kind.
    (NewConnectionError, "refused"),
    (ConnectTimeoutError, "timeout"),
    # A TLS handshake that hangs is reported as a read.
    (ReadTimeoutError, "timeout"),
)
_TROUBLE = (RequestException, HTTPError, http.client.HTTPException, OSError, ValueError)


class _Session(Session):
    """A session that takes nothing from its surroundings and follows nothing."""

    def __init__(self, adapter: WireAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: Response) -> str | None:
        # Even when told not to follow, requests works out the next request, and to do so
        # reads the whole body of the redirect, however large.
        return None


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Lane:
    """What one thread calls with."""

    wire: Wire
    session: _Session
    templates: dict[Endpoint, PreparedRequest] = field(default_factory=dict)


class Transport:
    """POSTs bodies to backends, from any number of threads, each over connections of its own.

    Network trouble is a value, never an exception, and no reason ever quotes the request.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._local = threading.local()
        self._lanes: weakref.WeakSet[_Lane] = weakref.WeakSet()
        self._lock = threading.Lock()

    def post(self, endpoint: Endpoint, body: Body) -> Reply:
        """Send one body, once, and say what is certain about it."""
        lane = self._lane()
        wire = lane.wire
        wire.touched, wire.sent, wire.received = False, 0, 0
        started = self._clock()
        try:
            return self._exchange(lane, endpoint, body, started)
        except _TROUBLE as error:
            elapsed = self._clock() - started
            if wire.touched:
                return NoAnswer(_silence(error), elapsed, wire.sent, wire.received)
            return not_sent(_kind(error), elapsed)

    def close(self) -> None:
        """Close every idle connection; a call made later opens new ones."""
        with self._lock:
            lanes = list(self._lanes)
        for lane in lanes:
            lane.session.close()

    def _exchange(self, lane: _Lane, endpoint: Endpoint, body: Body, started: float) -> Answer:
        proxies = {"http": endpoint.proxy, "https": endpoint.proxy} if endpoint.proxy else {}
        response = lane.session.send(
            _request(lane, endpoint, body),
            stream=True,
            timeout=(endpoint.connect_timeout, endpoint.read_timeout),
            verify=endpoint.ca_file or True,
            proxies=proxies,
            allow_redirects=False,
        )
        # Leaving early closes the connection; after the last byte it is kept.
        with response:
            content, whole = _content(response)
        retry_after = response.headers.get("Retry-After")
        elapsed = self._clock() - started
        traffic = (lane.wire.sent, lane.wire.received)
        return Answer(response.status_code, content, retry_after, whole, elapsed, *traffic)

    def _lane(self) -> _Lane:
        lane: _Lane | None = getattr(self._local, "lane", None)
        if lane is None:
            wire = Wire()
            lane = self._local.lane = _Lane(wire, _Session(WireAdapter(wire)))
            with self._lock:
                self._lanes.add(lane)
        return lane


def _request(lane: _Lane, endpoint: Endpoint, body: Body) -> PreparedRequest:
    prepared = lane.templates.get(endpoint)
    if prepared is None:
        if len(lane.templates) >= _TEMPLATES_KEPT:
            lane.templates.clear()
        prepared = lane.templates[endpoint] = template(endpoint)
    request = prepared.copy()
    if isinstance(body, bytes):
        request.body = body
    else:
        request.body = body.content
        request.headers["Content-Type"] = body.content_type
    request.headers["Content-Length"] = str(len(body))
    return request


def _content(response: Response) -> tuple[bytes, bool]:
    content = bytearray()
    for piece in response.raw.stream(_PIECE, decode_content=True):
        content += piece
        if len(content) > LARGEST_ANSWER:
            return b"", False
    return bytes(content), True


def _kind(error: BaseException) -> Kind:
    causes = list(_causes(error))
    for kind_of_error, kind in _KINDS:
        if any(isinstance(cause, kind_of_error) for cause in causes):
            return kind
    # Requests reports a missing CA file as a plain OSError.
    return "tls" if isinstance(error, OSError) and "TLS CA" in str(error) else "other"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: object = error
    while isinstance(cause, BaseException):
        yield cause
        cause = getattr(cause, "reason", None) or next(iter(cause.args), None)


def _silence(error: BaseException) -> str:
    if any(isinstance(cause, ReadTimeoutError | TimeoutError) for cause in _causes(error)):
        return LATE
    return BROKEN
