"""One login of a user at the real-time server, and the events that wait for it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from sandbox.wire import Action, Later, Reply, json_reply

LONGEST_WAIT_S = 20.0
GONE_AFTER_S = 3.0  # without a request for events
MOST_TOGETHER = 500  # events in one answer

Event = dict[str, Any]


class Session:
    """Events in the order in which they came; each is kept until it was acknowledged.

    `ended` once it can never be used again.
    """

    def __init__(self, name: str, token: str, address: str, uid: int) -> None:
        self.name = name
        self.token = token
        self.address = address
        self.uid = uid
        self.since = time.time()
        self.ended = False
        self.waiting: deque[tuple[int, Event]] = deque()
        self._given = 0
        self._heard = 0
        self._poll: asyncio.Future[Reply] | None = None
        self._left = time.monotonic()
        self._listening: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def connected(self) -> bool:
        """Whether its process asks for events, or did so a moment ago."""
        return self._poll is not None or time.monotonic() - self._left < GONE_AFTER_S

    def take_kept(self) -> list[Event]:
        """What was not acknowledged and must not be lost; it is not told here any more."""
        kept = [event for _, event in self.waiting if event.get("kept")]
        self.waiting = deque(one for one in self.waiting if not one[1].get("kept"))
        return kept

    def push(self, event: Event) -> None:
        """Have it told; what is pushed in one step of the loop goes out in one answer."""
        self._given += 1
        self.waiting.append((self._given, event))
        if self._poll is not None:
            poll, self._poll = self._poll, None
            asyncio.get_running_loop().call_soon(self._answer, poll)

    def poll(self, after: int, wait: float, heard: Callable[[Event], None]) -> Action:
        """The events after that number, at once or as soon as there is one.

        `heard` is called with each event that is acknowledged by this.
        """
        self._left = time.monotonic()
        self._acknowledge(after, heard)
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(self._reply())
        if self.waiting or self.ended:
            return self._reply()
        loop = asyncio.get_running_loop()
        poll = self._poll = loop.create_future()
        poll.add_done_callback(self._answered)
        loop.call_later(min(wait, LONGEST_WAIT_S), self._answer, poll)
        return Later(poll)

    def when_heard(self, seconds: float) -> asyncio.Future[None]:
        """Done when all that was pushed so far is acknowledged, or the seconds are over."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._heard >= self._given or not self.connected:
            done.set_result(None)
            return done
        self._listening.append((self._given, done))
        loop.call_later(seconds, _finish, done)
        return done

    def _acknowledge(self, after: int, heard: Callable[[Event], None]) -> None:
        while self.waiting and self.waiting[0][0] <= after:
            heard(self.waiting.popleft()[1])
        self._heard = max(self._heard, min(after, self._given))
        for number, done in self._listening:
            if number <= self._heard:
                _finish(done)
        self._listening = [one for one in self._listening if not one[1].done()]

    def _answer(self, poll: asyncio.Future[Reply]) -> None:
        if self._poll is poll:
            self._poll = None
        if not poll.done():
            self._left = time.monotonic()
            poll.set_result(self._reply())

    def _answered(self, poll: asyncio.Future[Reply]) -> None:
        if poll.cancelled():
            # The process is gone, or it lost its connection.
            self._left = -math.inf
            if self._poll is poll:
                self._poll = None

    def _reply(self) -> Reply:
        taken = list(islice(self.waiting, MOST_TOGETHER))
        last = taken[-1][0] if taken else self._heard
        events = [event for _, event in taken]
        return json_reply({"events": events, "last": last, "ended": self.ended and not taken})


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
