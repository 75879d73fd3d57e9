"""What a session is made of, what it is told to send, and what is heard of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bulkhead.errors import InvalidInput
from bulkhead.model.realtime import APP_ID, HIGHEST_GID, HIGHEST_MID, is_app_id, is_carried

HIGHEST_EXPIRY = 2**31 - 1
"""Seconds; the package takes no more."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Which package keeps the session, and where. Raises InvalidInput for an app id it dies of."""

    package: str
    """The name of a module: `mesibo`, or the stand-in's."""
    folder: Path
    """The session's own: made with mode 0700, used by one process at a time."""
    app_id: str = APP_ID
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the process needs to know beside the little that every program gets."""
    patience: float = 60.0
    """Seconds after which a call of the package that does not come back ends the process."""

    def __post_init__(self) -> None:
        if not is_app_id(self.app_id):
            raise InvalidInput(
                f"{self.app_id!r} cannot be the app id of a session",
                why="the package ends its process at an app id without a dot",
                to_do=f"use one such as {APP_ID}",
            )


@dataclass(frozen=True, slots=True)
class Send:
    """One message to one person or one group. Raises InvalidInput for what would not arrive whole.

    `mid` is ours, 1 to 2^32 - 1. Either `to` or `gid` is set; `file` is a path on this host.
    """

    mid: int
    to: str = ""
    gid: int = 0
    text: str = field(default="", repr=False)
    title: str = field(default="", repr=False)
    url: str = ""
    file: str = ""
    expiry: int | None = None
    """Seconds for which mesibo keeps it for who is not signed in."""
    closes: float = 0.0
    """Monotonic seconds of this host after which it must not be sent any more; 0: never."""

    def __post_init__(self) -> None:
        if why := self._why_not():
            raise InvalidInput("the message cannot be sent", why=why, to_do="correct it")

    def _why_not(self) -> str:
        if not _in(self.mid, 1, HIGHEST_MID):
            return "its mid is not a number from 1 to 4294967295"
        for name in ("to", "text", "title", "url", "file"):
            said = getattr(self, name)
            if not isinstance(said, str) or not is_carried(said):
                return f"`{name}` is not text, or holds a NUL or half a sign"
        return self._why_not_there() or self._why_nothing()

    def _why_not_there(self) -> str:
        if bool(self.to) == bool(self.gid):
            return "it goes to a person or to a group: one of both"
        if self.gid and not _in(self.gid, 1, HIGHEST_GID):
            return "the package takes no group id above 2147483647"
        if self.expiry is not None and not _in(self.expiry, 0, HIGHEST_EXPIRY):
            return "its expiry is not a number of seconds from 0 to 2147483647"
        return ""

    def _why_nothing(self) -> str:
        if not (self.text or self.url or self.file):
            return "it has neither a text nor a file"
        if self.url and self.file:
            return "it has a file and the URL of a file"
        # What is no URL the package takes for a path on this host.
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            return "its URL does not begin with https://"
        return ""


@dataclass(frozen=True, slots=True)
class Heard:
    """Something a session has said: `kind` says what, `about` holds the rest.

    started {result, status, version} · connection {status, word} · returned {mid, result, why}
    · status {mid, status, word, peer, gid} · message {mid, peer, gid, text, title, file, outgoing,
    stored, status} · update, as message · presence {peer, gid, presence} · call {mid, peer, status,
    word} · e2e {said} · history {request, messages, last} · ended {code, signal, said, why}
    """

    kind: str
    at_ms: int
    """The session process's clock, milliseconds since 1970."""
    about: Mapping[str, Any]


def _in(number: object, least: int, most: int) -> bool:
    return type(number) is int and least <= number <= most
