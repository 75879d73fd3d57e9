"""What becomes of messages, told to the app's webhook: sent, delivered, read, or not to be."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import Any

from sandbox.fields import Fields

MOST_WAITING = 500_000  # events of an app not yet posted; further ones are dropped and counted
MOST_TOGETHER = 200
MOST_REPEATS = 100
LONGEST_DELAY_S = 3_600
SENT, DELIVERED, READ, NO_SUCH_USER = 1, 2, 3, 131  # numbers that mesibo's packages export
WORDS = {SENT: "sent", DELIVERED: "delivered", READ: "read", NO_SUCH_USER: "invaliddest"}
FORMS = ("word", "number", "text")


@dataclass(frozen=True, slots=True)
class Receipts:
    """Which share of the recipients gets how far, and how that is told.

    Of those that were `delivered` so many are `read`. Each state comes `delay_s` after the one
    before, and up to `spread_s` later still; each is told `repeat` times, at most `together` in one
    delivery. With `last_only` the states on the way are left out.
    """

    sent: float = 1.0
    delivered: float = 1.0
    read: float = 0.5
    delay_s: float = 0.0
    spread_s: float = 0.0
    repeat: int = 1
    together: int = 1
    last_only: bool = False
    reverse: bool = False
    wide_mid: bool = False
    form: str = "word"


def read_receipts(fields: Fields | None) -> Receipts | None:
    """How a registration wants to be told of its messages; raises InvalidField."""
    if fields is None:
        return None
    told = Receipts()
    form = fields.text("form") or told.form
    if form not in FORMS:
        raise fields.wrong("form", " | ".join(FORMS))
    shares = {name: fields.number(name, 0, 1) for name in ("sent", "delivered", "read")}
    delays = {name: fields.number(name, 0, LONGEST_DELAY_S) for name in ("delay_s", "spread_s")}
    flags = {name: fields.flag(name) for name in ("last_only", "reverse", "wide_mid")}
    numbers = {
        "repeat": fields.whole("repeat", 1, MOST_REPEATS),
        "together": fields.whole("together", 1, MOST_TOGETHER),
    }
    fields.finish()
    named: dict[str, Any] = {**shares, **delays, **flags, **numbers, "form": form}
    return Receipts(**{name: value for name, value in named.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was accepted: to a group where there is a `gid`, else to people."""

    mid: int
    sender: str
    gid: int = 0
    type: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A state that somebody has so many seconds from now."""

    seconds: float
    to: str
    status: int


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at: float
    number: int
    message: Message = field(compare=False)
    to: str = field(compare=False)
    status: int = field(compare=False)


class Outbox:
    """The events of one app that are to come, in the order of what is due.

    Whoever is told an instant calls `take` then, once; it is told at most one at a time. `reached`
    counts the states that events were made for: a group once, its members beside it.
    """

    def __init__(self, receipts: Receipts, seed: str) -> None:
        self.receipts = receipts
        self.dropped = 0
        self.reached: dict[str, Counter[str]] = {"recipients": Counter(), "members": Counter()}
        self._random = Random(seed)  # noqa: S311 - made to be replayed
        self._waiting: list[_Due] = []
        self._lock = Lock()
        self._number = 0
        self._wake: float | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def draw(self, message: Message, people: Iterable[tuple[str, bool]]) -> list[Step]:
        """What each person's states will be, of whom is said whether there is such a user."""
        steps: list[Step] = []
        with self._lock:
            of_group: set[str] = set()
            for to, known in people:
                for at, status in self._course(known):
                    steps.append(Step(at, to, status))
                    counted = self.reached["members" if message.gid else "recipients"]
                    counted[WORDS[status]] += 1
                    of_group.add(WORDS[status])
            if message.gid:
                self.reached["recipients"].update(of_group)
        return steps

    def put(self, message: Message, people: Iterable[tuple[str, bool]], now: float) -> float | None:
        """Let each person's events come, as drawn now."""
        return self.plan(message, self.draw(message, people), now)

    def plan(self, message: Message, steps: Iterable[Step], now: float) -> float | None:
        """Let the events of these states come; returns when to take the first, if not known."""
        with self._lock:
            for step in steps:
                self._add(now + step.seconds, message, step.to, step.status)
            return self._plan(now)

    def take(self, now: float) -> tuple[list[dict[str, Any]], float | None]:
        """The events of one delivery, and when to take the next."""
        taken: list[_Due] = []
        with self._lock:
            while self._waiting and self._waiting[0].at <= now:
                if len(taken) == self.receipts.together:
                    break
                taken.append(heapq.heappop(self._waiting))
            if self._wake is not None and self._wake <= now:
                self._wake = None
            due = self._plan(now)
        if self.receipts.reverse:
            taken.reverse()
        return [self._event(one) for one in taken], due

    def _plan(self, now: float) -> float | None:
        """When to wake, unless somebody wakes by then anyway."""
        first = max(now, self._waiting[0].at) if self._waiting else None
        if first is None or (self._wake is not None and self._wake <= first):
            return None
        self._wake = first
        return first

    def _add(self, at: float, message: Message, to: str, status: int) -> None:
        for _ in range(self.receipts.repeat):
            if len(self._waiting) >= MOST_WAITING:
                self.dropped += 1
                continue
            self._number += 1
            heapq.heappush(self._waiting, _Due(at, self._number, message, to, status))

    def _course(self, known: bool) -> Iterator[tuple[float, int]]:
        """Seconds from now on, and the state that one recipient has then."""
        told = self.receipts
        states = [SENT, NO_SUCH_USER]
        if known:
            chances = ((SENT, told.sent), (DELIVERED, told.delivered), (READ, told.read))
            states = []
            for status, chance in chances:
                if self._random.random() >= chance:
                    break
                states.append(status)
        steps = [
            (told.delay_s * step + self._random.random() * told.spread_s, status)
            for step, status in enumerate(states, 1)
        ]
        yield from steps[-1:] if told.last_only else steps

    def _event(self, due: _Due) -> dict[str, Any]:
        told, message = self.receipts, due.message
        # The sender's own number is the low word of what others see.
        mid = message.mid | 0x0101 << 32 if told.wide_mid else message.mid
        status: str | int = WORDS[due.status] if told.form == "word" else due.status
        text = told.form == "text"
        return {
            "type": "message",
            "message": {
                "mid": str(mid) if text else mid,
                "from": message.sender,
                "to": due.to,
                "gid": message.gid,
                "type": message.type,
            },
            "status": str(status) if text else status,
        }
