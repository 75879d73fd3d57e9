"""What the process-wide object of the stand-in knows and does."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Any

from sandbox.standin_history import Book
from sandbox.standin_link import Ears, Link, Outgoing
from sandbox.standin_message import MesiboMessage
from sandbox.standin_native import Listeners, crash, say
from sandbox.standin_parts import MesiboFile, signed
from sandbox.standin_presence import MesiboPresence
from sandbox.standin_values import (
    MESIBO_MSGSTATUS_FAIL,
    MESIBO_MSGSTATUS_OUTBOX,
    MESIBO_RESULT_BADREQ,
    MESIBO_RESULT_OK,
    MESIBO_STATUS_ACTIVITY,
    MESIBO_STATUS_AUTHFAIL,
    MESIBO_STATUS_ONLINE,
    MESIBO_STATUS_STOPPED,
    MESIBO_STATUS_UNKNOWN,
    MESIBO_STATUS_UPDATE,
)

NOT_SIGNED_IN = 141  # the package returns it without a name for it
BUFFER_FULL = 180
TOKEN_LENGTH = 64
TOO_OLD = "** mesibo API version used in this App is too old, update to continue using it ***"
NOT_SENT = "message not sent: first login using a correct token."
_PASSING = frozenset({MESIBO_STATUS_ACTIVITY, MESIBO_STATUS_UPDATE})


class Core:
    """One login a process, as in the package."""

    def __init__(self, listener_base: type) -> None:
        self.listeners = Listeners(listener_base)
        self.app_id = ""
        self.folder = Path()
        self.status = MESIBO_STATUS_UNKNOWN
        self.address: str | None = None
        self.uid = 0
        self.book: Book | None = None
        self.random = random.Random()  # noqa: S311 - after a fork both draw the same, as there
        self._token: str | None = None
        self._link: Link | None = None
        self._results: list[int] = []
        self._changed = threading.Condition()

    def set_token(self, token: str) -> None:
        """Keep a token; nothing but its form is looked at."""
        self._token = token
        if not _well_formed(token):
            say("bad access token")

    def open_book(self, name: str) -> None:
        """Keep messages in a file of the folder from now on."""
        for part in ("Databases", "Temp", "logs"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.book = Book(self.folder / "Databases" / name)

    def start(self) -> None:
        """Sign in on a thread; a token of the wrong form is refused before this returns."""
        say(f"mesibo python api: stand-in protocol: 2.7.0 app: {self.app_id}")
        say("starting mesibo")
        if "." not in self.app_id:
            crash()
        if os.environ.get("MESIBO_STANDIN") == "too_old":
            say(TOO_OLD)
            return
        if not self.listeners.alive:
            crash()
        if self._token is None or not _well_formed(self._token):
            self._connection(MESIBO_STATUS_AUTHFAIL)
            return
        if self._link is not None and self._link.alive:
            return
        ears = Ears(self._connection, self._logged_in, self._event, self._failed)
        url = os.environ.get("MESIBO_SANDBOX", "http://127.0.0.1:1")
        self._link = Link(url, self._token, self.app_id, ears)
        self._link.start()

    def stop(self) -> None:
        """Sign out and hear nothing more."""
        link, self._link = self._link, None
        if link is None:
            return
        link.close()
        with self._changed:
            self.status = MESIBO_STATUS_STOPPED
            self._changed.notify_all()

    def wait(self) -> None:
        """Until it is not connected any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.status != MESIBO_STATUS_ONLINE)

    def new_mid(self) -> int:
        """A number for a message, signed as the package shows it."""
        return signed(self.random.getrandbits(32))

    def send(self, message: MesiboMessage) -> int:
        """Tell the listener, then have it sent; the package's results."""
        file = message.file
        has_file = bool(file.path or file.url)
        if not (message._message or message._title or has_file):
            return MESIBO_RESULT_BADREQ
        if has_file:
            self.listeners.call("Mesibo_onMessageUpdate", message)
        self.listeners.call("Mesibo_onMessage", _echo(message))
        if self.status != MESIBO_STATUS_ONLINE or self._link is None:
            return self._refused(rich=has_file or message._title is not None)
        if self._results:
            return self._results.pop(0)
        if not self._link.put(Outgoing(_document(message), file.path)):
            return BUFFER_FULL
        if self.book is not None:
            self.book.keep(message, round(time.time() * 1000))
        return MESIBO_RESULT_OK

    def send_presence(self, presence: MesiboPresence) -> int:
        """Tell others at once."""
        if self.status != MESIBO_STATUS_ONLINE or self._link is None:
            return self._refused(rich=False)
        about = {"gid": presence.groupid, "presence": presence.presence}
        to = {"to": presence.peer} if presence.peer else {}
        told = self._link.tell("presence", {**about, **to})
        return MESIBO_RESULT_OK if told else BUFFER_FULL

    def was_read(self, messages: list[MesiboMessage]) -> None:
        """Tell the senders of these that they were read."""
        link = self._link
        if link is None or self.status != MESIBO_STATUS_ONLINE:
            return
        for one in messages:
            if not one._outgoing and one.peer:
                about = {"from": one.peer, "gid": one.groupid, "mids": [one.mid & 0xFFFF_FFFF]}
                link.tell("read", about)

    def _refused(self, *, rich: bool) -> int:
        known = self.book is not None and self.book.found
        if known:
            say(NOT_SENT)
        # Whoever trusts the result alone believes that a message with a title was sent.
        if rich:
            return MESIBO_RESULT_OK
        return MESIBO_RESULT_BADREQ if known else NOT_SIGNED_IN

    def _connection(self, status: int) -> None:
        if status not in _PASSING:
            with self._changed:
                self.status = status
                self._changed.notify_all()
        self.listeners.call("Mesibo_onConnectionStatus", status)

    def _logged_in(self, login: dict[str, Any]) -> None:
        self.address, self.uid = login["address"], login["uid"]
        self._results.extend(login["results"])

    def _event(self, event: dict[str, Any]) -> None:
        match event["kind"]:
            case "status":
                self._status(event)
            case "message" | "call":
                message = self._incoming(event)
                if self.book is not None and event["kind"] == "message":
                    self.book.keep(message, event["ts"])
                self.listeners.call("Mesibo_onMessage", message)
            case "update":
                self.listeners.call("Mesibo_onMessageUpdate", self._incoming(event))
            case "presence":
                presence = MesiboPresence(self, event["from"], event["gid"], event["presence"])
                self.listeners.call("Mesibo_onPresence", presence)
            case "e2e":
                self.listeners.call("Mesibo_onEndToEndEncryption", self._incoming(event))
            case "results":
                self._results.extend(event["results"])

    def _status(self, event: dict[str, Any]) -> None:
        if self.book is not None:
            self.book.reached(signed(event["mid"]), event["status"])
        for peer in event["peers"] or [None]:
            message = MesiboMessage(self, signed(event["mid"]), peer, event["gid"])
            message._status = event["status"]
            self.listeners.call("Mesibo_onMessageStatus", message)

    def _incoming(self, event: dict[str, Any]) -> MesiboMessage:
        message = MesiboMessage(self, signed(event["mid"]), event["from"], event["gid"])
        message._outgoing, message._plain = False, not event.get("file")
        message._message = event.get("text") or None
        message._title = event.get("title") or None
        message._status, message._ts = event["status"], event.get("ts", 0)
        message._type = event.get("type", 0)
        file = event.get("file")
        if file:
            message.file = MesiboFile(
                url=file.get("url") or file.get("id"), size=file.get("size", 0)
            )
            message.file.name = file.get("name")
        return message

    def _failed(self, document: dict[str, Any]) -> None:
        """What a file could not be read for any more."""
        event = {"mid": document["mid"], "gid": document.get("gid", 0), "peers": []}
        self._status({**event, "status": MESIBO_MSGSTATUS_FAIL})


def _well_formed(token: str) -> bool:
    return len(token) == TOKEN_LENGTH and all(one in "0123456789abcdef" for one in token)


def _echo(message: MesiboMessage) -> MesiboMessage:
    """The outgoing message as the listener is shown it."""
    shown = MesiboMessage(message._core, message.mid, message.peer, message.groupid)
    shown._message, shown._title, shown._subtitle = (
        message._message, message._title, message._subtitle,
    )  # fmt: skip
    shown.file = message.file
    shown._plain = True
    shown._status = MESIBO_MSGSTATUS_OUTBOX
    return shown


def _document(message: MesiboMessage) -> dict[str, Any]:
    file = message.file
    about: dict[str, Any] = {
        "mid": message.mid & 0xFFFF_FFFF,
        "to": message.peer,
        "gid": message.groupid,
        "text": message._message,
        "title": message._title,
        "type": message._type,
    }
    if message._expiry is not None:
        about["expiry"] = message._expiry
    if file.url:
        about["file"] = {"url": file.url}
    elif file.path:
        about["file"] = {"name": os.path.basename(file.path)}
    return {name: value for name, value in about.items() if value or name == "expiry"}
