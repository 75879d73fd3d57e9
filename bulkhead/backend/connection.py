"""One connection to a backend, for one call at a time, and exact about what has left."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from time import monotonic

from bulkhead.backend.answer_reader import AnswerReader
from bulkhead.backend.opening import PIECE, Cover
from bulkhead.backend.reply import BROKEN, LATE, Answer, NoAnswer, Reply, not_sent

Heard = Callable[[Reply], None]

LOOK_EVERY = 0.25
"""Seconds: a loop may miss a reset that comes after a part of the answer (libuv stops to watch)."""


class Connection:
    """Lives in the thread of its loop. `kept` is told when it may be asked again."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        cover: Cover,
        kept: Callable[[Connection], None],
        lost: Callable[[Connection], None],
    ) -> None:
        self._loop, self._sock, self._cover = loop, sock, cover
        self._kept, self._lost = kept, lost
        self._reader = AnswerReader()
        self._heard: Heard | None = None
        self._rest = b""
        self._started = self._until = 0.0
        self._size = self._sent = self._received = 0
        self._late: asyncio.TimerHandle | None = None
        self.open = True
        self.idle_since = 0.0
        loop.add_reader(sock.fileno(), self._readable)

    def fit(self) -> bool:
        """True if nothing says that the other side has closed it: looked at just before a call."""
        if self.open:
            self._readable()
        return self.open

    def ask(self, request: bytes, seconds: float, heard: Heard) -> None:
        """Send the request, once; `heard` is told what is certain, never before this returns."""
        self._heard = heard
        self._started = monotonic()
        self._sent = self._received = 0
        self._size = len(request)
        self._reader.expect()
        self._until = self._started + seconds
        self._look_later()
        try:
            self._put(self._cover.wrap(request))
        except (OSError, ssl.SSLError):
            # Nothing was accepted by our own kernel: `heard` hears it when the caller is through.
            self._forget_socket()
            self._loop.call_soon(self._broke)

    def close(self) -> None:
        """Close it; whoever waits for an answer hears that there will be none."""
        self._forget_socket()
        self._broke()

    def _put(self, data: bytes) -> None:
        try:
            accepted = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            accepted = 0
        if accepted:
            self._sent = self._size
        if accepted < len(data):
            self._rest = data[accepted:]
            self._loop.add_writer(self._sock.fileno(), self._writable)
        elif self._rest:
            self._rest = b""
            self._loop.remove_writer(self._sock.fileno())

    def _writable(self) -> None:
        try:
            self._put(self._rest)
        except OSError:
            self.close()

    def _readable(self) -> None:
        try:
            data = self._sock.recv(PIECE)
            meant = self._cover.unwrap(data) if data else b""
            # TLS may have something to say of its own, such as new keys.
            if data and (said := self._cover.wrap(b"")):
                self._put(self._rest + said)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, ssl.SSLError):
            self.close()
            return
        if self._heard is None:
            # Nobody asked: only TLS itself may speak now.
            if meant or not data:
                self.close()
            return
        self._read(meant, ended=not data)

    def _read(self, meant: bytes, *, ended: bool) -> None:
        self._received += len(meant)
        reader = self._reader
        if meant:
            reader.feed(meant)
        if ended and not reader.over:
            reader.end()
        if reader.done and reader.keep and not self._rest and not ended:
            self._answered(keep=True)
        elif reader.done or reader.too_large:
            self._answered(keep=False)
        elif reader.broken or ended:
            self.close()

    def _answered(self, *, keep: bool) -> None:
        reader, heard = self._reader, self._heard
        self._rested()
        elapsed = monotonic() - self._started
        answer = Answer(
            reader.status,
            reader.body,
            reader.retry_after,
            not reader.too_large,
            elapsed,
            self._sent,
            self._received,
        )
        if keep:
            self._kept(self)
        else:
            self._forget_socket()
        if heard is not None:
            heard(answer)

    def _look_later(self) -> None:
        left = self._until - monotonic()
        self._late = self._loop.call_later(max(0.0, min(left, LOOK_EVERY)), self._look)

    def _look(self) -> None:
        """Whether the answer is late, or has ended unheard."""
        if monotonic() >= self._until:
            self._forget_socket()
            self._broke(LATE)
            return
        self._late = None
        self._readable()
        # Whoever heard the answer may have asked again, with a look of its own.
        if self._heard is not None and self._late is None:
            self._look_later()

    def _broke(self, why: str = BROKEN) -> None:
        heard = self._heard
        self._rested()
        if heard is None:
            return
        elapsed = monotonic() - self._started
        if self._sent:
            heard(NoAnswer(why, elapsed, self._sent, self._received))
        else:
            heard(not_sent("timeout" if why == LATE else "refused", elapsed))

    def _rested(self) -> None:
        self._heard = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _forget_socket(self) -> None:
        if not self.open:
            return
        self.open = False
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        self._lost(self)
