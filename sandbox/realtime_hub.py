"""The real-time side of one app: who is signed in, what was accepted, what waits for whom."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from sandbox.app import App
from sandbox.realtime_message import Taken
from sandbox.realtime_session import Event, Session

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MOST_KEPT = 10_000  # events for one user who is not signed in; the oldest go first
SIGNED_OUT = 3


@dataclass(slots=True)
class Trouble:
    """What goes wrong until told otherwise; the counts run down with each message."""

    unreachable: bool = False
    delay_s: float = 0.0
    swallow: int = 0
    fail: int = 0
    status: int = 0
    lose: int = 0
    results: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Upload:
    """A file on its way; its bytes are not kept."""

    digest: Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    whole: bool = False

    def add(self, piece: bytes, *, last: bool) -> None:
        """Take the next bytes of it."""
        self.digest.update(piece)
        self.size += len(piece)
        self.whole = last

    def shown(self) -> dict[str, object]:
        """What arrived of it so far."""
        return {"sha256": self.digest.hexdigest(), "size": self.size, "whole": self.whole}


class Hub:
    """Its state is gone with the App it stands beside."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.trouble = Trouble()
        self._kept_numbers = count(1)
        self.sessions: dict[str, Session] = {}
        self.logins = 0
        self.taken: dict[tuple[str, int], Taken] = {}
        self.most_per_mid = 0
        self._at: dict[str, set[Session]] = defaultdict(set)
        self._kept: dict[str, deque[Event]] = defaultdict(partial(deque[Event], maxlen=MOST_KEPT))
        self.uploads: dict[str, Upload] = {}
        self._mids = count(0x4000_0001)

    def sign_in(self, name: str, token: str, address: str, uid: int) -> Session:
        """A session in place of any other of that token, with what waited for the user."""
        old = self.sessions.get(token)
        if old is not None:
            self.end(old, {"kind": "connection", "status": SIGNED_OUT})
        session = self.sessions[token] = Session(name, token, address, uid)
        self._at[address].add(session)
        self.logins += 1
        for event in self._kept.pop(address, ()):
            session.push(event)
        return session

    def end(self, session: Session, last: Event) -> None:
        """End a session with one more event; what is not lost with it waits for the user."""
        if session.ended:
            return
        session.ended = True
        self.sessions.pop(session.token, None)
        self._at[session.address].discard(session)
        kept = session.take_kept()
        if kept:
            self._kept[session.address].extend(kept)
        session.push(last)

    def take_results(self) -> list[int]:
        """What the next calls of `send()` are to return, for the first session that asks."""
        results, self.trouble.results = self.trouble.results, []
        return results

    def new_mid(self) -> int:
        """A number for a message that no process sent."""
        return next(self._mids)

    @property
    def kept(self) -> int:
        """How many events wait for users who are not signed in."""
        return sum(map(len, self._kept.values()))

    def drop_all(self) -> None:
        """End every session as a broken connection does."""
        for session in list(self.sessions.values()):
            self.end(session, {"kind": "dropped"})

    def has_met(self, address: str) -> bool:
        """Whether the user was ever signed in."""
        return address in self._at

    def at(self, address: str) -> list[Session]:
        """The sessions of one user."""
        return list(self._at.get(address, ()))

    def tell(self, address: str, event: Event, *, keep: bool = False) -> int:
        """Tell every session of a user; with `keep` it waits for one, if there is none."""
        if keep:
            # A number, so that a process that is told again after a kick knows it.
            event.setdefault("kept", next(self._kept_numbers))
        sessions = self._at.get(address)
        if not sessions:
            if keep:
                self._kept[address].append(event)
            return 0
        for session in sessions:
            session.push(event)
        return len(sessions)
