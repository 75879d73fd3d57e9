"""Gather the bytes of a connection into whole requests."""

from __future__ import annotations

import time
from collections import deque

import httptools

from sandbox.wire import MAX_BODY, Request

_WANTED = frozenset({b"content-type", b"content-length", b"x-sandbox-peer", b"expect"})


class Intake:
    """The parser's callbacks: whole requests come out in `ready`, in order of arrival.

    A body above the limit comes out as soon as that is known, marked `oversized`, and
    nothing of that connection is to be read after it.
    """

    def __init__(self, peer: str) -> None:
        self.ready: deque[Request] = deque()
        self.wants_continue = False
        self.overflowed = False
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave; raises httptools.HttpParserError on what is not HTTP."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _WANTED:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        if not self._headers:
            return
        # The parser has already refused a length that is not a number.
        if int(self._headers.get(b"content-length", b"0")) > MAX_BODY:
            self._overflow()
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            self.wants_continue = True

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_BODY:
            self._overflow()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if not self.overflowed:
            self.ready.append(self._request(b"".join(self._body)))

    def _overflow(self) -> None:
        if not self.overflowed:
            self.overflowed = True
            self._body.clear()
            self.ready.append(self._request(None))

    def _request(self, body: bytes | None) -> Request:
        path, _, query = self._url.decode("latin-1").partition("?")
        headers = self._headers
        pretended = headers.get(b"x-sandbox-peer")
        return Request(
            t=time.time(),
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
            body=body or b"",
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
            peer=pretended.decode("latin-1") if pretended else self._peer,
            keep_alive=body is not None and self._parser.should_keep_alive(),
            oversized=body is None,
        )
