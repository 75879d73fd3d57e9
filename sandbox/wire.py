"""What travels on the wire: a request as it arrived, and what is to be done about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

JSON_TYPE = "application/json"
MAX_BODY = 8 * 1024 * 1024  # bytes; above it a request is refused unread

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_JSON_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, whole; `t` is the unix second at which its last byte arrived."""

    t: float
    method: str
    path: str
    query: str = field(repr=False)
    body: bytes = field(repr=False)
    content_type: str
    peer: str
    keep_alive: bool
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, given well or on purpose badly.

    It starts `after_s` seconds late and takes `byte_s` seconds a body byte. `padding` more
    bytes of x stand before the last two of the body. With `cut`, the head promises the whole
    body and the connection closes after that many bytes of it.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0
    byte_s: float = 0.0
    padding: int = 0
    cut: int | None = None

    @property
    def plain(self) -> bool:
        """Nothing about it takes time or stops early."""
        return not (self.after_s or self.byte_s or self.padding) and self.cut is None

    def head(self, *, keep_alive: bool) -> bytes:
        """The status line and headers, the empty line included."""
        usual = self.status == 200 and self.content_type == JSON_TYPE and not self.headers
        if usual and keep_alive:
            return _JSON_OK % (len(self.body) + self.padding)
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}"]
        if self.status != 204:
            lines.append(f"Content-Type: {self.content_type}")
            lines.append(f"Content-Length: {len(self.body) + self.padding}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not keep_alive:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: the connection stays open for `seconds`, then closes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """No answer: the connection ends `after_s` seconds from now, by reset or politely."""

    reset: bool
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is still to come; it is cancelled if the client leaves first."""

    reply: asyncio.Future[Reply]


Action = Reply | Silence | Hangup | Later


def json_reply(document: Mapping[str, Any] | list[Any], status: int = 200) -> Reply:
    """An answer of one JSON document."""
    return Reply(status, json.dumps(document, separators=(",", ":")).encode())


def late(action: Action, seconds: float) -> Action:
    """The same, `seconds` later; what is still to come keeps its own time."""
    if not seconds or isinstance(action, Later):
        return action
    if isinstance(action, Silence):
        return Silence(action.seconds + seconds)
    return replace(action, after_s=action.after_s + seconds)
