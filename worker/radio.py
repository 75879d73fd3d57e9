"""Asks a sender's session to send, wherever it is, and tells the caller's thread what it said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from structlog import get_logger

from bulkhead.backend.caller import Caller
from bulkhead.backend.reply import NoAnswer, Withheld
from bulkhead.engine.sessions import SEND, Ask, SenderId, Sessions
from bulkhead.errors import Unreachable

Said = Mapping[str, Any]
Told = Callable[[Said | NoAnswer | Withheld], None]
MayGo = Callable[[], bool]

AT_ONCE = 100
LISTENS = 1.0
"""Seconds for which it waits for answers in one go."""
LATE = 0.5
"""Seconds after its end that what nobody has taken is taken back."""
REST = 0.25
"""Seconds after which a store that is away is asked again."""
MISSING = frozenset({"failed", "unusable"})


@dataclass(frozen=True, slots=True)
class Message:
    """Something that a session is to send."""

    who: SenderId
    about: Mapping[str, Any]
    closes: float
    """Monotonic seconds after which nobody may send it any more."""
    patience: float
    """Seconds after which it is no longer known what became of it."""
    lease: str = ""
    """The slice of whose items it is."""


@dataclass(frozen=True, slots=True)
class _Out:
    """A message whose answer is waited for."""

    message: Message
    told: Told
    may_go: MayGo


class Radio:
    """Has threads from the first message on, so that others cost a worker nothing."""

    def __init__(
        self, sessions: Sessions, listening: Sessions, worker: str, caller: Caller
    ) -> None:
        """`listening` has a connection of its own, on which answers are waited for."""
        self._sessions = sessions
        self._listening = listening
        self._worker = worker
        self._caller = caller
        self._numbers = count(1)
        self._out: dict[str, _Out] = {}
        """Changed in the caller's thread alone."""
        self._work: SimpleQueue[Callable[[], None] | str] = SimpleQueue()
        self._busy = threading.Event()
        self._started = False
        self._log = get_logger()

    def missing(self, who: SenderId) -> str:
        """Why the session is not to be had for now; empty if it is, or may be soon.

        Raises Unreachable.
        """
        view = self._sessions.view(who)
        return (view.why or f"the session is {view.state}") if view.state in MISSING else ""

    def send(self, message: Message, told: Told, may_go: MayGo) -> None:
        """Ask once. In the caller's thread, where `told` is told later, in any case.

        `may_go` is asked again where time passed before the ask; it may be asked elsewhere.
        """
        if not self._started:
            self._start()
        name = f"{self._worker}-{next(self._numbers)}"
        self._out[name] = _Out(message, told, may_go)
        self._busy.set()
        self._work.put(name)
        now = monotonic()
        until_late = max(0.0, message.closes - now) + LATE
        self._caller.later(until_late, partial(self._call_back, name))
        self._caller.later(max(message.patience, until_late), partial(self._give_up, name))

    def _start(self) -> None:
        self._started = True
        for run in (self._ask_all, self._hear_all):
            # Daemons: what they wait for is a lease's, which ends by itself.
            threading.Thread(target=run, name=f"radio{run.__name__}", daemon=True).start()

    def _ask_all(self) -> None:
        while True:
            work = self._work.get()
            try:
                if isinstance(work, str):
                    self._ask([work, *self._more()])
                else:
                    work()
            except Unreachable:
                # It may have arrived: taken back, or given up, in its time.
                threading.Event().wait(REST)
            except Exception:
                self._log.exception("radio_failed")

    def _more(self) -> list[str]:
        """Names that wait behind the first; other work comes after them."""
        names: list[str] = []
        while len(names) < AT_ONCE:
            try:
                following = self._work.get_nowait()
            except Empty:
                return names
            if isinstance(following, str):
                names.append(following)
            else:
                self._work.put(following)
                return names
        return names

    def _ask(self, names: Sequence[str]) -> None:
        asks, now = [], monotonic()
        for name in names:
            out = self._out.get(name)
            if out is None:
                continue
            left = out.message.closes - now
            if left <= 0 or not out.may_go():
                self._caller.soon(self._tell, name, Withheld())
            else:
                asks.append(self._written(name, out.message, left))
        self._sessions.ask(asks)

    def _written(self, name: str, message: Message, left: float) -> Ask:
        micros, lease = max(1, round(left * 1e6)), message.lease
        return Ask(
            name, message.who, SEND, message.about, worker=self._worker, left=micros, lease=lease
        )

    def _hear_all(self) -> None:
        while True:
            self._busy.wait()
            try:
                for answer in self._listening.answers(self._worker, LISTENS):
                    said = Withheld() if answer.withheld else answer.said
                    self._caller.soon(self._tell, answer.id, said)
            except Unreachable:
                threading.Event().wait(REST)
            except Exception:
                self._log.exception("radio_failed")
                threading.Event().wait(REST)

    def _tell(self, name: str, said: Said | NoAnswer | Withheld) -> None:
        """In the caller's thread; the second word about a message is heard by nobody."""
        out = self._out.pop(name, None)
        if not self._out:
            self._busy.clear()
        if out is not None:
            out.told(said)

    def _call_back(self, name: str) -> None:
        """Its time is over: if nobody has taken it, nobody will."""
        if name in self._out:
            self._work.put(partial(self._withdraw, name, None))

    def _give_up(self, name: str) -> None:
        out = self._out.get(name)
        if out is not None:
            why = f"no status came within {out.message.patience:.0f} seconds"
            self._work.put(partial(self._withdraw, name, NoAnswer(why)))

    def _withdraw(self, name: str, otherwise: NoAnswer | None) -> None:
        """Take it back, and tell so; else tell `otherwise`, if anything."""
        out = self._out.get(name)
        if out is None:
            return
        back: Sequence[str] = ()
        try:
            back = self._sessions.withdraw(out.message.who, [name])
        except Unreachable:
            if otherwise is None:
                raise
        told = Withheld() if name in back else otherwise
        if told is not None:
            self._caller.soon(self._tell, name, told)
