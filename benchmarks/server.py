"""A backend that answers at once: `python -m benchmarks.server` prints its port and serves.

It remembers every address it was sent, so that a figure can be held against what arrived. An
address such as `shop.17@tenant.example` belongs to the group `shop`: each group has a log of its
own, and its answers can be delayed. Other addresses are of the group without a name.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httptools

try:
    from uvloop import run
except ImportError:  # not made for every platform
    from asyncio import run  # type: ignore[assignment]


_TOKEN = re.compile(rb'name="token"\r\n\r\n([^\r]*)')


@dataclass(slots=True)
class Record:
    """What arrived since the last reset; instants in seconds of this machine's monotonic clock."""

    calls: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    first_at: float = 0.0
    last_at: float = 0.0
    times: dict[str, array[float]] = field(default_factory=dict)
    """When each group's calls arrived."""
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds that the answers of a group take; `*` is for groups that are not named."""
    held: dict[asyncio.TimerHandle, Callable[[], None]] = field(default_factory=dict)
    """Answers that are due later, and how each is sent."""

    def add(self, address: str) -> int:
        """Count a call; the same address always gets the same number."""
        self.last_at = time.monotonic()
        if self.calls == 0:
            self.first_at = self.last_at
        self.calls += 1
        self.times.setdefault(group_of(address), array("d")).append(self.last_at)
        return self.numbers.setdefault(address, len(self.numbers) + 1)

    def later(self, address: str, answer: Callable[[], None]) -> None:
        """Send the answer to a call of this address when its group's delay is over."""
        named = self.delays.get(group_of(address)) if self.delays else 0.0
        seconds = self.delays.get("*", 0.0) if named is None else named
        if not seconds:
            answer()
            return

        def send() -> None:
            del self.held[timer]
            answer()

        timer = asyncio.get_running_loop().call_later(seconds, send)
        self.held[timer] = answer

    def delay(self, seconds: dict[str, float]) -> None:
        """Other delays from now on; what is held is answered at once."""
        self.delays = seconds
        held, self.held = self.held, {}
        for timer, answer in held.items():
            timer.cancel()
            answer()

    def reset(self) -> None:
        """Forget what arrived; delays stay."""
        self.calls, self.numbers, self.times = 0, {}, {}

    def to_dict(self) -> dict[str, float]:
        return {
            "calls": self.calls,
            "distinct": len(self.numbers),
            "seconds": self.last_at - self.first_at,
        }


def group_of(address: str) -> str:
    """`shop` for `shop.17@tenant.example`, and nothing for `user17@tenant.example`."""
    return address.partition("@")[0].rpartition(".")[0]


class Connection(asyncio.Protocol):
    """One client; httptools calls the methods that begin with `on_`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._parser: Any = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._path = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._path.startswith(b"/_"):
            self._reply(self._asked())
        else:
            self._called(_call_in(self._body))

    def _called(self, call: dict[str, Any]) -> None:
        address = call["user"]["address"]
        user: dict[str, Any] = {"uid": self._record.add(address), "address": address}
        if "token" in call["user"]:
            user["token"] = f"{user['uid']:048x}"
        answer = {"op": call["op"], "result": True, "user": user}
        self._record.later(address, partial(self._reply, answer))

    def _reply(self, document: Any) -> None:
        if self._transport.is_closing():
            return  # whoever asked was killed meanwhile
        answer = json.dumps(document).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % len(answer) + answer)
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _asked(self) -> Any:
        verb, _, group = self._path.removeprefix(b"/_").decode().partition("/")
        if verb == "reset":
            self._record.reset()
        elif verb == "delays":
            self._record.delay(json.loads(self._body))
        elif verb == "log":
            return list(self._record.times.get(group, ()))
        elif verb == "logs":
            return {name: list(times) for name, times in self._record.times.items()}
        return self._record.to_dict()


def _call_in(body: bytes) -> dict[str, Any]:
    """The call in a body; one with a file is told apart by its token, in place of an address."""
    if not body.startswith(b"--"):
        call: dict[str, Any] = json.loads(body)
        return call
    return {"op": "pushupload", "user": {"address": _TOKEN.findall(body)[0].decode()}}


async def serve() -> None:
    """Serve on a free loopback port until told to end, or until the parent is gone."""
    record, loop, over = Record(), asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    server = await loop.create_server(lambda: Connection(record), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    async with server:
        while not over.is_set() and os.getppid() == parent:
            try:
                await asyncio.wait_for(over.wait(), 1)
            except TimeoutError:
                continue


if __name__ == "__main__":
    run(serve())
