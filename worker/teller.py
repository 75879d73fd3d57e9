"""What sessions say, taken to the store: answers, states of messages, events for listeners."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from structlog import get_logger

from bulkhead.engine.delivery import Deliveries, Status
from bulkhead.engine.sessions import Answer, SenderId, Sessions
from bulkhead.errors import Unreachable
from bulkhead.model.delivery import LOW_WORD, RANKS
from bulkhead.model.realtime import is_failure
from bulkhead.realtime.session import Heard
from worker.live import Came, Live

AT_ONCE = 500
REST = 0.25
"""Seconds after which a store that is away is told again."""
PATIENCE = 60.0
"""Seconds for which a store that is away is told: who asked has given up by then."""
QUIET = frozenset({"started", "returned", "history"})
"""What is an answer to somebody, and no event."""


@dataclass(frozen=True, slots=True)
class _Word:
    """One thing that a process said."""

    live: Live
    serial: int
    heard: Heard


class Teller(threading.Thread):
    """A thread of a worker. The processes' readers put words down here, and never wait."""

    def __init__(
        self, sessions: Sessions, deliveries: Deliveries, changed: Callable[[Live], None]
    ) -> None:
        """`changed` is called, quickly, when a session is in another state."""
        super().__init__(name="session-teller", daemon=True)
        self._sessions = sessions
        self._deliveries = deliveries
        self._changed = changed
        self._words: SimpleQueue[_Word | Answer | None] = SimpleQueue()
        self._over = threading.Event()
        self._log = get_logger()

    def hear(self, live: Live, serial: int, heard: Heard) -> None:
        """A process said something."""
        self._words.put(_Word(live, serial, heard))

    def answer(self, answers: tuple[Answer, ...]) -> None:
        """Somebody's ask was answered without a word of a process."""
        for one in answers:
            self._words.put(one)

    def run(self) -> None:
        """Take down and tell until told to stop."""
        while not self._over.is_set():
            words = self._next()
            try:
                self._take(words)
            except Exception:
                self._log.exception("session_words_lost", words=len(words))

    def finish(self) -> None:
        """Tell what was said until now, and end."""
        self._words.put(None)
        self.join(timeout=2.0)

    def _next(self) -> list[_Word | Answer]:
        found: list[_Word | Answer] = []
        word = self._words.get()
        while word is not None:
            found.append(word)
            if len(found) >= AT_ONCE:
                return found
            try:
                word = self._words.get_nowait()
            except Empty:
                return found
        self._over.set()
        return found

    def _take(self, words: list[_Word | Answer]) -> None:
        answers: list[Answer] = []
        events: dict[SenderId, list[Mapping[str, Any]]] = defaultdict(list)
        statuses: dict[str, list[Status]] = defaultdict(list)
        for word in words:
            if isinstance(word, Answer):
                answers.append(word)
                continue
            live, heard = word.live, word.heard
            try:
                came = live.heard(word.serial, heard)
                answers += came.answers
                self._follow(live, came)
                if heard.kind not in QUIET:
                    events[live.who].append(_event(heard))
                if heard.kind == "status" and not _is_refusal(came):
                    statuses[live.who.app] += _told(heard.about)
            except Exception:
                # Of this one alone: somebody waits for the others.
                self._log.exception("session_words_lost", words=1)
        self._bring(answers, events, statuses)

    def _follow(self, live: Live, came: Came) -> None:
        if came.changed:
            self._changed(live)
        if came.cools:
            self._patiently(partial(self._sessions.cool, live.who, came.cools))
            self._tell_cooling(live.who, came.cools)

    def _bring(
        self,
        answers: list[Answer],
        events: Mapping[SenderId, list[Mapping[str, Any]]],
        statuses: Mapping[str, list[Status]],
    ) -> None:
        # Answers first: somebody waits for them with a lane.
        if answers:
            self._patiently(partial(self._sessions.answer, answers))
        for app, told in statuses.items():
            self._patiently(partial(self._deliveries.hear, app, told))
        for who, said in events.items():
            self._patiently(partial(self._sessions.tell, who, said))

    def _patiently(self, say: Callable[[], object]) -> None:
        for _ in range(round(PATIENCE / REST)):
            try:
                say()
            except Unreachable:
                if self._over.wait(REST):
                    return
            else:
                return

    def _tell_cooling(self, who: SenderId, seconds: float) -> None:
        self._log.warning("session_cooling", **who.named, seconds=round(seconds, 1))


def _event(heard: Heard) -> Mapping[str, Any]:
    about = dict(heard.about)
    # A message has a time of its own, and may have waited for its recipient since.
    sent = about.pop("at_ms", 0)
    return {
        "kind": heard.kind,
        "at_ms": heard.at_ms,
        **about,
        **({"sent_ms": sent} if sent else {}),
    }


def _is_refusal(came: Came) -> bool:
    """True if mesibo did not take the message: its item failed or goes on, and nothing is lost."""
    return any(
        is_failure(int(one.said.get("status", 0))) and not one.said.get("member")
        for one in came.answers
    )


def _told(about: Mapping[str, Any]) -> list[Status]:
    """Number, recipient, member of a group and how far it has come, as deliveries take them."""
    rank = RANKS.get(int(about["status"]))
    if rank is None:
        return []
    mid, peer = int(about["mid"]) & LOW_WORD, str(about.get("peer") or "")
    gid = int(about.get("gid") or 0)
    return [Status(mid, gid, peer, rank) if gid else Status(mid, peer, "", rank)]
