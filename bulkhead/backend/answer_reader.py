"""One answer after another, read from the bytes of a connection."""

from __future__ import annotations

import zlib
from typing import Any

import httptools

from bulkhead.backend.reply import LARGEST_ANSWER

LONGEST_HEAD = 1 << 16
"""Bytes of status line and headers; mesibo's have a few hundred."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = frozenset({b"gzip", b"x-gzip", b"deflate"})


class AnswerReader:
    """Reads one answer at a time; httptools calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._unpack: Any = None
        self._pieces: list[bytes] = []
        self.expect()

    def expect(self) -> None:
        """An answer is to come, the one before it is forgotten."""
        self.done = self.too_large = self.broken = False
        self.status = 0
        self.retry_after: str | None = None
        self._surplus = self._alive = False
        self._head = 0
        self._forget_head()

    def feed(self, data: bytes) -> None:
        """Read on; `done`, `too_large` or `broken` tells when there is nothing more to read."""
        if not self._in_body:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._surplus = True
        except httptools.HttpParserError:
            # What follows a whole answer is not a part of it; its connection is not kept.
            self._surplus = True
            self.broken = not self.done
        if self._head > LONGEST_HEAD and not self._in_body:
            self.broken = not self.done

    def end(self) -> None:
        """The other side has closed: that ends an answer without a length, and breaks others."""
        self._surplus = True
        if self._in_body and not self._framed and not self.broken:
            self._finish()
        else:
            self.broken = not self.done

    @property
    def over(self) -> bool:
        return self.done or self.too_large or self.broken

    @property
    def keep(self) -> bool:
        """True if the connection may be asked again."""
        return self.done and not self._surplus and self._alive

    @property
    def body(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def on_message_begin(self) -> None:
        if self.done:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)
        if self.done or size not in _SIZES:
            return
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            if size == 14 or b"chunked" in value.lower():
                self._framed = True
        elif name == b"content-encoding" and value.strip().lower() in _PACKED:
            self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
        elif name == b"retry-after":
            self.retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if not self.done:
            self._in_body = True

    def on_body(self, data: bytes) -> None:
        if self.done or self.too_large or self.broken:
            return
        if self._unpack is not None:
            self._unpacked(data)
        else:
            self._add(data)

    def on_message_complete(self) -> None:
        if self.done:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            # Only a word in between: the answer is still to come.
            self._forget_head()
        else:
            self._alive = bool(self._parser.should_keep_alive())
            self._finish()

    def _forget_head(self) -> None:
        self._in_body = self._framed = False
        self._unpack = None
        self._pieces = []
        self._size = self._packed = self._members = 0

    def _finish(self) -> None:
        self.status = self._parser.get_status_code()
        if self._unpack is not None and self._packed and not self._unpack.eof:
            self.broken = True
        elif not self.too_large and not self.broken:
            self.done = True

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > LARGEST_ANSWER:
            self.too_large, self._pieces = True, []
            self.status = self._parser.get_status_code()
        else:
            self._pieces.append(data)

    def _unpacked(self, data: bytes) -> None:
        self._packed += len(data)
        while data and not self.too_large:
            if self._unpack.eof:
                self._members += 1
                self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                self._add(self._unpack.decompress(data, LARGEST_ANSWER + 1 - self._size))
            except zlib.error:
                self._drop_rest()
                return
            data = self._unpack.unconsumed_tail or self._unpack.unused_data

    def _drop_rest(self) -> None:
        """What cannot be unpacked breaks an answer, except behind its end."""
        if self._members:
            self._unpack, self._surplus = None, True
        else:
            self.broken = True


_SIZES = frozenset(
    map(len, ("content-length", "transfer-encoding", "content-encoding", "retry-after"))
)
