"""One session that this worker has: its process, and what was handed to it and not answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any

from bulkhead.engine.sessions import HISTORY, Answer, Ask, SenderId, State
from bulkhead.errors import SessionEnded
from bulkhead.model.delivery import LOW_WORD
from bulkhead.model.realtime import accepted, is_failure
from bulkhead.model.realtime_outcome import comes_back
from bulkhead.realtime.session import Heard, Send, Session
from worker.course import Course

WAITS = 60.0
"""Seconds for which an answer keeps a session from being let go: a status may never come."""
FORGETS = 3600.0
"""Seconds after which an answer would find nobody who asked."""

FileOf = Callable[[Ask], str]
"""The path of the file that an ask names; empty for one without. Raises BulkheadError."""


@dataclass(frozen=True, slots=True)
class Came:
    """What a word of the package leads to."""

    answers: tuple[Answer, ...] = ()
    changed: bool = False
    """True if the session is in another state now."""
    cools: float = 0.0
    """Seconds for which the sender is to be granted nothing."""


@dataclass(slots=True)
class _Out:
    """What a process was handed, by its serial number."""

    ask: Ask
    serial: int
    at: float


@dataclass(slots=True, eq=False)
class Live:
    """Used by three threads: who keeps it, who hands it asks, and who hears it."""

    who: SenderId
    course: Course
    since: float
    """Monotonic seconds at which this worker took it."""
    clock: Callable[[], float] = monotonic
    leaving: str = ""
    """Why it is given up as soon as nothing is out any more; empty while it is kept."""
    serial: int = 0
    """Which process it is, the first being 1."""
    _process: Session | None = None
    _out: dict[str, _Out] = field(default_factory=dict)
    """By mid, or by the id of a question; as they were handed over."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def busy(self) -> bool:
        """True while an answer is awaited that may well come."""
        with self._lock:
            newest = next(reversed(self._out.values()), None)
        return newest is not None and self.clock() < newest.at + WAITS

    @property
    def pid(self) -> int:
        """Of its process; 0 if there is none."""
        process = self._process
        return process.pid if process else 0

    def adopt(self, process: Session) -> None:
        """From now on this is its process."""
        with self._lock:
            self._process = process

    def hand_over(self, ask: Ask, file_of: FileOf) -> Answer | None:
        """Hand an ask to the process; the answer at once if it cannot be, or not in time."""
        key, file = _key_of(ask), "" if ask.op == HISTORY else file_of(ask)
        with self._lock:
            process, now = self._process, self.clock()
            # Whoever took it may have stood still since.
            late = 0 < ask.closes <= now
            if process is None or not self.course.online or self.leaving or late:
                return _withheld(ask, self.course)
            self._await(key, _Out(ask, self.serial, now))
        try:
            _say(process, ask, file)
        except SessionEnded:
            with self._lock:
                known = self._out.pop(key, None)
            return _withheld(ask, self.course) if known else None
        except BaseException:
            with self._lock:
                self._out.pop(key, None)
            raise
        return None

    def heard(self, serial: int, word: Heard) -> Came:
        """What its process of this number said."""
        with self._lock:
            before = self.course.state
            came = self._came(serial, word)
            return Came(came.answers, self.course.state != before, came.cools)

    def close(self, why: str) -> tuple[Answer, ...]:
        """End its process; what was handed to it may have been sent, and is told so."""
        with self._lock:
            process, self._process = self._process, None
            answers = self._lost(self.serial, why)
        if process is not None:
            process.close()
        return answers

    def _await(self, key: str, out: _Out) -> None:
        """The last one handed over stands last, and what is too old makes room for it."""
        self._out.pop(key, None)
        while self._out:
            oldest = next(iter(self._out))
            if self._out[oldest].at > out.at - FORGETS:
                break
            del self._out[oldest]
        self._out[key] = out

    def _came(self, serial: int, word: Heard) -> Came:
        about, now = word.about, self.clock()
        if word.kind == "status":
            return self._status(about)
        if word.kind == "history":
            said = {"history": list(about.get("messages", ())), "last": bool(about.get("last"))}
            said["why"] = str(about.get("why") or "")
            return self._answered(str(about.get("request")), said)
        if word.kind == "returned":
            return self._returned(about, now)
        if serial != self.serial:
            return Came()
        if word.kind == "connection":
            self.course.heard(int(about["status"]), now)
        elif word.kind == "ended":
            self._process = None
            why = ended_words(about)
            self.course.ended(why, now)
            return Came(self._lost(serial, why))
        return Came()

    def _status(self, about: Mapping[str, Any]) -> Came:
        status = int(about["status"])
        if not (accepted(status) or is_failure(status)):
            return Came()
        if accepted(status):
            self.course.went_through()
        member = bool(about.get("gid")) and about.get("peer") not in (None, "", self.who.sender)
        return self._answered(_mid(about), {"status": status, "member": member})

    def _returned(self, about: Mapping[str, Any], now: float) -> Came:
        result = int(about["result"])
        if result == 0:
            return Came()
        came = self._answered(_mid(about), {"result": result})
        if not comes_back(result):
            return came
        self.course.cool(now)
        return Came(came.answers, cools=self.course.cool_until - now)

    def _answered(self, key: str, said: Mapping[str, Any]) -> Came:
        out = self._out.pop(key, None)
        return Came((Answer(out.ask.id, out.ask.worker, said),) if out else ())

    def _lost(self, serial: int, why: str) -> tuple[Answer, ...]:
        gone = {key: out for key, out in self._out.items() if out.serial == serial}
        for key in gone:
            del self._out[key]
        return tuple(Answer(out.ask.id, out.ask.worker, {"ended": why}) for out in gone.values())


def state_of(live: Live, now: float) -> State:
    """What its keeper says of it, at this instant of its clock."""
    course = live.course
    if live.leaving:
        return State("offline", live.leaving)
    again = round(time() + course.again_at - now, 1) if course.state == "failed" else 0.0
    return State(course.state, course.why, course.job, again)


def ended_words(about: Mapping[str, Any]) -> str:
    """How a process ended, in a few words."""
    signal, why = about.get("signal"), about.get("why")
    return str(why or signal or f"exit code {about.get('code')}")


def _say(process: Session, ask: Ask, file: str) -> None:
    about = ask.about
    if ask.op == HISTORY:
        peer, gid = str(about.get("peer", "")), int(about.get("gid", 0))
        process.history(ask.id, peer=peer, gid=gid, count=int(about.get("count", 0)))
        return
    process.send(
        Send(
            mid=int(about["mid"]),
            to=str(about.get("to", "")),
            gid=int(about.get("gid", 0)),
            text=str(about.get("text", "")),
            title=str(about.get("title", "")),
            url=str(about.get("url", "")),
            file=file,
            expiry=about.get("expiry"),
            closes=ask.closes,
        )
    )


def _key_of(ask: Ask) -> str:
    return ask.id if ask.op == HISTORY else _mid(ask.about)


def _mid(about: Mapping[str, Any]) -> str:
    return f"mid:{int(about['mid']) & LOW_WORD}"


def _withheld(ask: Ask, course: Course) -> Answer:
    return Answer(ask.id, ask.worker, {"withheld": True, "state": course.state, "why": course.why})
