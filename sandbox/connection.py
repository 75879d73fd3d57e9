"""One client's connection: requests in, answers out in the same order."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

import httptools

from sandbox.intake import Intake
from sandbox.wire import Action, Hangup, Later, Reply, Request, Silence

MOST_WAITING = 64  # pipelined requests held before the socket is no longer read
DRAIN_S = 5.0  # how long a refused body is read and thrown away, so that its sender sees why
PIECE = 64 * 1024

_NOT_HTTP = Reply(400, b"not HTTP\n", "text/plain")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """Answers each request as told, one after the other, however slowly that may be."""

    _transport: asyncio.Transport
    _intake: Intake

    def __init__(self, answer: Callable[[Request], Action], open_ones: set[Connection]) -> None:
        self._answer = answer
        self._open_ones = open_ones
        self._sending: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have every method of one without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._intake = Intake(str(transport.get_extra_info("peername")[0]))
        self._writable.set()
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)
        self._writable.set()
        if self._sending is not None:
            self._sending.cancel()

    def abort(self) -> None:
        """End now, unsent answers lost."""
        self._transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            self._intake.feed(data)
        except httptools.HttpParserError:
            self._stop_listening()
            self._say(_NOT_HTTP, keep_alive=False)
            return
        if self._intake.overflowed:
            self._stop_listening()
        elif self._intake.wants_continue:
            self._intake.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._serve()

    def _stop_listening(self) -> None:
        self._deaf = True
        asyncio.get_running_loop().call_later(DRAIN_S, self._transport.close)

    def _serve(self) -> None:
        ready = self._intake.ready
        while ready and self._sending is None and not self._transport.is_closing():
            request = ready.popleft()
            self._carry_out(self._answer(request), keep_alive=request.keep_alive)
        if len(ready) > MOST_WAITING:
            self._transport.pause_reading()
        elif not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _carry_out(self, action: Action, *, keep_alive: bool) -> None:
        if isinstance(action, Reply) and action.plain:
            self._say(action, keep_alive=keep_alive)
            return
        loop = asyncio.get_running_loop()
        self._sending = loop.create_task(self._take_time(action, keep_alive=keep_alive))
        self._sending.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if not task.cancelled():
            task.result()
            self._serve()

    def _say(self, reply: Reply, *, keep_alive: bool) -> None:
        self._transport.write(reply.head(keep_alive=keep_alive) + reply.body)
        self._end_unless(keep_alive)

    def _end_unless(self, keep_alive: bool) -> None:
        # A refused body is still arriving: closing now would reset before the answer is read.
        if not keep_alive and not self._intake.overflowed:
            self._transport.close()

    async def _take_time(self, action: Action, *, keep_alive: bool) -> None:
        match action:
            case Silence(seconds):
                await asyncio.sleep(seconds)
                self._transport.close()
            case Hangup(reset, after_s):
                await asyncio.sleep(after_s)
                self._hang_up(reset=reset)
            case Later(reply):
                self._say(await reply, keep_alive=keep_alive)
            case Reply():
                await asyncio.sleep(action.after_s)
                await self._spell_out(action, keep_alive=keep_alive and action.cut is None)

    def _hang_up(self, *, reset: bool) -> None:
        if reset:
            peer = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        else:
            self._transport.close()

    async def _spell_out(self, reply: Reply, *, keep_alive: bool) -> None:
        self._transport.write(reply.head(keep_alive=keep_alive))
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if reply.byte_s:
            for at in range(len(body)):
                self._transport.write(body[at : at + 1])
                await asyncio.sleep(reply.byte_s)
        elif reply.padding:
            await self._pad(body, reply.padding)
        else:
            self._transport.write(body)
        self._end_unless(keep_alive)

    async def _pad(self, body: bytes, padding: int) -> None:
        self._transport.write(body[:-2])
        piece = b"x" * PIECE
        while padding > 0 and not self._transport.is_closing():
            await self._writable.wait()
            self._transport.write(piece[:padding])
            padding -= PIECE
        self._transport.write(body[-2:])
