"""The package's callbacks: every one is there, none raises, and each returns the number 0.

Its native code ends the process otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from bulkhead.model.realtime import CALLS, connection_word, message_word, unsigned
from bulkhead.realtime.mouth import Mouth

_LONGEST = 1_000_000
"""Characters of a text that are passed on."""
_LARGEST_PAGE = 8_000_000
"""Characters of stored messages in one answer."""


class Hearing:
    """What the callbacks lead to. A listener takes no attributes: this is where they are kept."""

    def __init__(self, mouth: Mouth) -> None:
        self.mouth = mouth
        self.connection = 0
        self.signed_in = threading.Event()
        """Set from the first `online` on."""
        self.page: Page | None = None
        """The stored messages that are being read, if any."""

    def on_connection(self, status: int) -> None:
        """The session's state has changed."""
        status = int(status)
        # Signs of life and word of a newer package leave the state as it was.
        if status not in {-1, 20}:
            self.connection = status
        if status == 1:
            self.signed_in.set()
        self.mouth.tell("connection", status=status, word=connection_word(status))

    def on_message(self, message: Any) -> None:
        """A message came, goes out, or was read from the folder."""
        about = about_message(message)
        if about["stored"] and self.page is not None:
            self.page.add(about, last=bool(said(message, "isLastMessage", 0)))
        elif not self._is_call(about):
            self.mouth.tell("message", **about)

    def on_status(self, message: Any) -> None:
        """A message of ours has come further, or will not arrive."""
        about = about_message(message)
        if not self._is_call(about):
            short = {name: about[name] for name in ("mid", "peer", "gid", "status")}
            self.mouth.tell("status", **short, word=message_word(about["status"]))

    def on_update(self, message: Any) -> None:
        """A message was changed, or its file has come."""
        about = about_message(message)
        if not self._is_call(about):
            self.mouth.tell("update", **about)

    def on_presence(self, presence: Any) -> None:
        """Somebody types, comes or goes."""
        peer, gid = said(presence, "peer", ""), number(said(presence, "groupid", 0))
        number_of = number(said(presence, "presence", 0))
        self.mouth.tell("presence", peer=text(peer), gid=gid, presence=number_of)

    def on_encryption(self, *what: object) -> None:
        """Something about end-to-end encryption."""
        self.mouth.tell("e2e", said=[one for one in what if isinstance(one, str | int)])

    def _is_call(self, about: Mapping[str, Any]) -> bool:
        if about["status"] not in CALLS:
            return False
        short = {name: about[name] for name in ("mid", "peer", "status")}
        self.mouth.tell("call", **short, word=message_word(about["status"]))
        return True


class Page:
    """Messages of a read session, as they come."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []
        self.heard = 0
        self.cut = False
        """True if some were left out: one answer would have been too long."""
        self.whole = threading.Event()
        self._length = 0

    def add(self, about: Mapping[str, Any], *, last: bool) -> None:
        """One more; `last` says that the package has no more for this question."""
        self.heard += 1
        self._length += len(about["text"]) + len(about["title"])
        self.cut = self.cut or self._length > _LARGEST_PAGE
        if not self.cut:
            self.messages.append(about)
        if last:
            self.whole.set()


def listener(package: ModuleType, hearing: Hearing) -> Any:
    """A listener of the package's own kind. Whoever gets it must hold it: the package does not."""
    calls = {
        "Mesibo_onConnectionStatus": hearing.on_connection,
        "Mesibo_onMessage": hearing.on_message,
        "Mesibo_onMessageStatus": hearing.on_status,
        "Mesibo_onMessageUpdate": hearing.on_update,
        "Mesibo_onPresence": hearing.on_presence,
        "Mesibo_onEndToEndEncryption": hearing.on_encryption,
    }
    known = [name for name in dir(package.MesiboListener) if name.startswith("Mesibo_on")]
    # What a later release adds is answered too, and not passed on.
    methods = {name: _guarded(calls.get(name), hearing.mouth) for name in {*known, *calls}}
    return type("Listener", (package.MesiboListener,), methods)()


def _guarded(call: Callable[..., None] | None, mouth: Mouth) -> Callable[..., int]:
    def callback(_: object, *what: object) -> int:
        try:
            if call is not None:
                call(*what)
        except BaseException as error:
            mouth.tell("fault", said=type(error).__name__)
        return 0

    return callback


def about_message(message: Any) -> dict[str, Any]:
    """What a message says of itself, in plain values."""
    return {
        "mid": unsigned(number(said(message, "mid", 0))),
        "peer": text(said(message, "peer", "")),
        "gid": number(said(message, "groupid", 0)),
        "text": text(said(message, "data", "")) or text(said(message, "message", "")),
        "title": text(said(message, "title", "")),
        "file": _about_file(said(message, "file", None)),
        "outgoing": bool(said(message, "isOutgoing", 0)),
        "stored": bool(said(message, "isDbMessage", 0)),
        "status": number(said(message, "getStatus", 0)),
        "at_ms": number(said(said(message, "getTimestamp", None), "ts", 0)),
    }


def _about_file(file: Any) -> dict[str, Any] | None:
    about = {name: text(said(file, name, "")) for name in ("path", "url", "name")}
    if not (about["path"] or about["url"]):
        return None
    return {
        **about,
        "type": text(said(file, "mimeType", "")),
        "size": number(said(file, "size", 0)),
    }


def said(thing: Any, name: str, default: object) -> Any:
    """What an object of the package has or answers under this name; the default if it fails."""
    try:
        found = getattr(thing, name)
        return found() if callable(found) else found
    except Exception:
        return default


def text(what: object) -> str:
    """Text of whatever kind the package gives it in."""
    if isinstance(what, bytes):
        what = what.decode("utf-8", "replace")
    return what[:_LONGEST] if isinstance(what, str) else ""


def number(what: object) -> int:
    """A whole number; 0 for what is none."""
    return int(what) if isinstance(what, int) else 0
