"""The stand-in's connection: signs in, hears, sends and reconnects on threads of its own."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sandbox.standin_values import (
    MESIBO_STATUS_AUTHFAIL,
    MESIBO_STATUS_CONNECTFAILURE,
    MESIBO_STATUS_CONNECTING,
    MESIBO_STATUS_MANDUPDATE,
    MESIBO_STATUS_OFFLINE,
    MESIBO_STATUS_ONLINE,
    MESIBO_STATUS_ONPREMISEERROR,
    MESIBO_STATUS_SHUTDOWN,
    MESIBO_STATUS_SIGNOUT,
    MESIBO_STATUS_STOPPED,
    MESIBO_STATUS_SUSPEND,
)
from sandbox.standin_wire import NotSent, Unheard, Wire

POLL_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0  # before the next attempt to connect
TOGETHER = 100  # messages in one request
PIECE = 1 << 20  # bytes of a file in one request
MOST_QUEUED = 10_000
MOST_REMEMBERED = 10_000  # events heard, of which the same may come again after a kick
ENDED_BY = frozenset(
    {
        MESIBO_STATUS_SIGNOUT,
        MESIBO_STATUS_AUTHFAIL,
        MESIBO_STATUS_STOPPED,
        MESIBO_STATUS_ONPREMISEERROR,
        MESIBO_STATUS_SUSPEND,
        MESIBO_STATUS_MANDUPDATE,
        MESIBO_STATUS_SHUTDOWN,
    },
)


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told: of the connection, of a login, of an event, of what could not be sent."""

    connection: Callable[[int], None]
    login: Callable[[dict[str, Any]], None]
    event: Callable[[dict[str, Any]], None]
    failed: Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Outgoing:
    """A message to send, and the path of a file to send before it."""

    document: dict[str, Any] = field(repr=False)
    path: str | None = None


class Link:
    """One login from `start` until it ends by itself or by `close`."""

    def __init__(self, url: str, token: str, app_id: str, ears: Ears) -> None:
        self._url = url
        self._credentials = {"token": token, "appid": app_id}
        self._ears = ears
        self._session = ""
        self._heard: dict[int, None] = {}
        self._closing = threading.Event()
        self._queue: deque[Outgoing] = deque()
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, name="standin", daemon=True)
        self._sender = threading.Thread(target=self._send_all, name="standin-send", daemon=True)

    def start(self) -> None:
        """Begin to sign in; the ears hear of everything."""
        self._listener.start()
        self._sender.start()

    @property
    def alive(self) -> bool:
        """Whether it may still become online by itself."""
        return self._listener.is_alive() and not self._closing.is_set()

    def put(self, outgoing: Outgoing) -> bool:
        """Have it sent; False if too many wait."""
        with self._changed:
            if len(self._queue) >= MOST_QUEUED:
                return False
            self._queue.append(outgoing)
            self._changed.notify_all()
        return True

    def tell(self, name: str, document: dict[str, Any]) -> bool:
        """Ask something at once, on the caller's thread; False if it did not arrive."""
        wire = Wire(self._url)
        try:
            wire.ask(name, {"session": self._session, **document})
        except (NotSent, Unheard):
            return False
        finally:
            wire.close()
        return True

    def close(self) -> None:
        """Sign out, as far as the server can be reached."""
        if self._closing.is_set():
            return
        self._closing.set()
        with self._changed:
            session, self._session = self._session, ""
            self._changed.notify_all()
        if session:
            try:
                Wire(self._url, 1.0).ask("logout", {"session": session})
            except (NotSent, Unheard):
                return

    def _listen(self) -> None:
        pause = FIRST_PAUSE_S
        wire = Wire(self._url, POLL_S + 5)
        while not self._closing.is_set():
            self._ears.connection(MESIBO_STATUS_CONNECTING)
            try:
                login = wire.ask("login", self._credentials)
            except (NotSent, Unheard):
                self._ears.connection(MESIBO_STATUS_CONNECTFAILURE)
                self._closing.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            if login["status"] != MESIBO_STATUS_ONLINE:
                self._ears.connection(login["status"])
                return
            pause = FIRST_PAUSE_S
            if self._hear(wire, login):
                return
            self._closing.wait(FIRST_PAUSE_S)

    def _hear(self, wire: Wire, login: dict[str, Any]) -> bool:
        """Hear events until the session ends; True if it must not be begun again."""
        self._ears.login(login)
        self._become(login["session"])
        self._ears.connection(MESIBO_STATUS_ONLINE)
        after = 0
        ended = False
        while not self._closing.is_set():
            asked = {"session": login["session"], "after": after, "wait": POLL_S}
            try:
                answer = wire.ask("events", asked)
            except (NotSent, Unheard):
                break
            ended = self._hear_each(answer["events"])
            after = answer["last"]
            if ended or answer["ended"]:
                self._acknowledge(wire, login["session"], after)
                break
        self._become("")
        if not ended and not self._closing.is_set():
            self._ears.connection(MESIBO_STATUS_OFFLINE)
        return ended

    def _acknowledge(self, wire: Wire, session: str, after: int) -> None:
        """Say that the last events of a session were heard."""
        try:
            wire.ask("events", {"session": session, "after": after, "wait": 0})
        except (NotSent, Unheard):
            return

    def _hear_each(self, events: list[dict[str, Any]]) -> bool:
        for event in events:
            if event["kind"] != "connection":
                if self._is_new(event):
                    self._ears.event(event)
                continue
            if event["status"] in ENDED_BY:
                self._become("")
                self._ears.connection(event["status"])
                return True
            self._ears.connection(event["status"])
        return False

    def _is_new(self, event: dict[str, Any]) -> bool:
        """False for what was heard before: its acknowledgement may have been lost with a login."""
        number = event.get("kept")
        if number is None:
            return True
        if number in self._heard:
            return False
        self._heard[number] = None
        if len(self._heard) > MOST_REMEMBERED:
            del self._heard[next(iter(self._heard))]
        return True

    def _become(self, session: str) -> None:
        with self._changed:
            self._session = session
            self._changed.notify_all()

    def _send_all(self) -> None:
        wire = Wire(self._url)
        while not self._closing.is_set():
            session, batch = self._next()
            if not batch:
                continue
            try:
                files = [self._upload(wire, session, one) for one in batch if one.path]
                if not all(files):
                    batch = [one for one in batch if not self._without_file(one)]
                wire.ask("send", {"session": session, "messages": [one.document for one in batch]})
            except NotSent:
                self._put_back(batch)
            except Unheard:
                # Taken or not, nobody knows: to send it again might double it.
                continue

    def _next(self) -> tuple[str, list[Outgoing]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing.is_set() or (self._session and self._queue), timeout=1.0
            )
            if not self._session or self._closing.is_set():
                return "", []
            count = min(TOGETHER, len(self._queue))
            return self._session, [self._queue.popleft() for _ in range(count)]

    def _put_back(self, batch: list[Outgoing]) -> None:
        with self._changed:
            self._queue.extendleft(reversed(batch))
        self._closing.wait(FIRST_PAUSE_S)

    def _without_file(self, one: Outgoing) -> bool:
        if not one.path or "sha256" in one.document["file"]:
            return False
        self._ears.failed(one.document)
        return True

    def _upload(self, wire: Wire, session: str, one: Outgoing) -> bool:
        """Send the file piece by piece; False if it cannot be read any more."""
        name = os.urandom(8).hex()
        try:
            with open(one.path or "", "rb") as file:
                piece = file.read(PIECE)
                while True:
                    following = file.read(PIECE)
                    query = {"session": session, "file": name, "last": int(not following)}
                    stored = wire.put(f"upload?{urlencode(query)}", piece)
                    if not following:
                        break
                    piece = following
        except OSError:
            return False
        one.document["file"] = {**one.document["file"], **stored, "id": name}
        return True
