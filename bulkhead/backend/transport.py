"""Carry one body to a backend and say what came back, or how far it got."""

from __future__ import annotations

import http.client
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Literal

from requests import PreparedRequest, Request, RequestException, Response, Session
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from bulkhead import __version__
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.wire import Wire, WireAdapter

LARGEST_ANSWER = 1 << 20
"""Bytes of an unpacked answer that are read; what is longer is not an answer of mesibo's."""

_PIECE = 1 << 16
_TEMPLATES_KEPT = 1_024

Kind = Literal["dns", "refused", "timeout", "tls", "proxy", "other"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Something came back. `whole` is false where it was too large and the rest was dropped."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = field(default=None, repr=False)
    whole: bool = True
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left this machine: making the call again is always right."""

    reason: str
    kind: Kind
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, wholly or in part, and no complete answer came: nobody here knows."""

    reason: str
    elapsed_s: float = 0.0


Reply = Answer | NotSent | NoAnswer

_REASONS: dict[Kind, str] = {
    "dns": "the backend's name could not be resolved",
    "refused": "the backend refused the connection or could not be reached",
    "timeout": "the backend did not accept a connection in time",
    "tls": "the backend's certificate or TLS was not accepted",
    "proxy": "the proxy could not be reached or refused the way",
    "other": "the call could not be started",
}
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

    def post(self, endpoint: Endpoint, body: bytes) -> Reply:
        """Send one JSON body, once, and say what is certain about it."""
        lane = self._lane()
        lane.wire.touched = False
        started = self._clock()
        try:
            return self._exchange(lane, endpoint, body, started)
        except _TROUBLE as error:
            elapsed = self._clock() - started
            if lane.wire.touched:
                return NoAnswer(_silence(error), elapsed)
            kind = _kind(error)
            return NotSent(_REASONS[kind], kind, elapsed)

    def take_traffic(self) -> tuple[int, int]:
        """Bytes of HTTP sent and received by this thread since it was last asked."""
        wire = self._lane().wire
        traffic = (wire.sent, wire.received)
        wire.sent = wire.received = 0
        return traffic

    def close(self) -> None:
        """Close every idle connection; a call made later opens new ones."""
        with self._lock:
            lanes = list(self._lanes)
        for lane in lanes:
            lane.session.close()

    def _exchange(self, lane: _Lane, endpoint: Endpoint, body: bytes, started: float) -> Answer:
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
        return Answer(response.status_code, content, retry_after, whole, elapsed)

    def _lane(self) -> _Lane:
        lane: _Lane | None = getattr(self._local, "lane", None)
        if lane is None:
            wire = Wire()
            lane = self._local.lane = _Lane(wire, _Session(WireAdapter(wire)))
            with self._lock:
                self._lanes.add(lane)
        return lane


def _request(lane: _Lane, endpoint: Endpoint, body: bytes) -> PreparedRequest:
    template = lane.templates.get(endpoint)
    if template is None:
        if len(lane.templates) >= _TEMPLATES_KEPT:
            lane.templates.clear()
        headers = {
            "User-Agent": f"mesibo-bulkhead/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
        }
        template = Request("POST", endpoint.base_url, headers=headers).prepare()
        lane.templates[endpoint] = template
    request = template.copy()
    request.body = body
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
        return "no complete answer came in time"
    return "the connection broke before a complete answer"
