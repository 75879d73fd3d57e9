"""One begun slice while its calls are made: what is next, and what has happened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.backend.reply import Withheld
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.outcome import Refused, Stopped, Throttled
from bulkhead.model.slice import LOOK, Begun, Slice
from tasks import check
from tasks.asked import Asked
from tasks.attempt import Attempts, Finished, Out
from tasks.clocks import Clocks, Window
from tasks.joined import bundled
from tasks.operation import alike, sparing, supplied
from tasks.way import Trip, Way
from tasks.ways import way_of
from worker import items as lines
from worker.runtime import Runtime


def _nobody() -> None:
    """Nobody waits."""


class SliceRun:
    """Calls for its items in the caller's thread; what has happened waits here to be reported."""

    seq = 0
    settled = False
    told_waiting = 0.0
    """Seconds out that a call was last reported with."""
    done = False
    """True as soon as every item was tried or given up."""
    _halted = False
    _alarm: asyncio.TimerHandle | None = None

    def __init__(
        self, part: Slice, begun: Begun, window: Window, runtime: Runtime, clocks: Clocks
    ) -> None:
        """Looks up the slice's items, job and app. Raises BulkheadError if one cannot be read."""
        self.facts: JobFacts = runtime.cabinet.job(part.job)
        asked = Asked(runtime.cabinet, self.facts, part, begun, clocks.wall())
        items = supplied(asked)
        self.part, self.begun = part, begun
        self.finished: deque[Finished] = deque()
        self.unsent: deque[int] = deque()
        self.left = {item.index for item in items}
        self.lines_wanted = lines.wanted()
        """True if each item has a line of its own in the log."""
        self._window, self._runtime, self._clocks = window, runtime, clocks
        instants = map(window.instant, part.offsets)
        # The earliest permits are used; those that are left over go back.
        self._turns = deque(zip(self._bundled(self._to_call(items)), instants, strict=False))
        app = check.app_of(runtime.cabinet, part, begun.app_version)
        self.retry = app.retry.changed(self.facts.retry)
        self.way: Way = way_of(Trip(part, begun, self.facts, app, window), runtime)
        self._attempts = Attempts(part, begun, self.facts, self.way)
        self._out: dict[int, Out] = {}
        self._over: Callable[[], None] = _nobody
        self._news: Callable[[], None] = _nobody

    def start(self, over: Callable[[], None], news: Callable[[], None] = _nobody) -> None:
        """Let the calls begin; `over` is called in the caller's thread when all is done.

        `news` is called there after each answer.
        """
        self._over = over
        self._news = news
        self._runtime.courier.caller.soon(self._go_on)

    def nudge(self) -> None:
        """Look again what may be called: stopping may have been asked for."""
        self._runtime.courier.caller.soon(self._go_on)

    @property
    def has_news(self) -> bool:
        """True while something has happened that the store does not know."""
        return self.done or bool(self.finished) or bool(self.unsent)

    @property
    def waiting(self) -> float:
        """Seconds that the oldest call is out; 0 if none is."""
        oldest = next(iter(list(self._out.values())), None)
        return self._clocks.monotonic() - oldest.started if oldest else 0.0

    @property
    def lanes(self) -> int:
        """Calls at once that are still needed."""
        return min(self.part.parallel, len(self._turns) + len(self._out))

    def _to_call(self, items: Sequence[Item]) -> list[Item]:
        """The items that need a call; what is done already is finished here and now."""
        left, spare = [], sparing(self.facts, self.part.operation)
        for item in items:
            known = self.begun.known.get(item.index)
            outcome = spare(item, known)
            if outcome is not None:
                now_ms = int(self._clocks.wall() * 1000)
                self.finished.append(Finished(item, outcome, now_ms, 0.0, called=False, free=True))
            elif self.part.step == LOOK:
                self.unsent.append(item.index)
            else:
                left.append(item)
        return left

    def _bundled(self, items: list[Item]) -> Iterable[tuple[Item, ...]]:
        """The items of each call; what the permits do not reach goes back."""
        how = alike(self.part.kind, self.part.operation) if self.part.join > 1 else None
        if how is None:
            return ((item,) for item in items)
        calls = len(self.part.offsets)
        bundles = list(bundled(how, self.facts, items, self.part.join))
        self._return(islice(bundles, calls, None))
        return bundles[:calls]

    def _return(self, bundles: Iterable[Sequence[Item]]) -> None:
        self.unsent.extend(item.index for items in bundles for item in items)

    def _go_on(self) -> None:
        """Start what may start now; tell when nothing is left to start or to wait for."""
        try:
            if self._halted or self._runtime.stopping.asked:
                self._give_up()
            self._start_due()
        except Exception:
            # Nobody but the parcel's thread waits for this slice, and it would wait for ever.
            self._attempts.log_surprise()
            self._halted = True
            self._give_up()
        if not self._turns and not self._out and not self.done:
            self.done = True
            self._over()

    def _give_up(self) -> None:
        self._return(items for items, _ in self._turns)
        self._turns.clear()

    def _start_due(self) -> None:
        """Start what is due, as many at once as were granted; too old a permit goes back."""
        while self._turns and len(self._out) < self.part.parallel:
            items, instant = self._turns[0]
            now = self._clocks.monotonic()
            if instant > now:
                self._wake_in(instant - now)
                return
            # A process that was stopped for a minute must not call.
            late = self.part.paced and self._window.missed(instant, now)
            missed = late or self._window.over(now)
            self._turns.popleft()
            if missed:
                self._return((items,))
            else:
                self._start(items)

    def _wake_in(self, seconds: float) -> None:
        if self._alarm is None:
            self._alarm = self._runtime.courier.caller.later(seconds, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._go_on()

    def _start(self, items: Sequence[Item]) -> None:
        started_ms, started = int(self._clocks.wall() * 1000), self._clocks.monotonic()
        call: Call | Refused | None = None
        try:
            call = self.way.prepare(items)
            if isinstance(call, Refused):
                self.finished.extend(self._attempts.refused(items, call, started_ms))
                return
            self._send(Out(items, call, started_ms, started))
        except Exception:
            self._out.pop(items[0].index, None)
            self.finished.extend(self._attempts.broken(items, call, started_ms))

    def _send(self, out: Out) -> None:
        self._out[out.items[0].index] = out
        refused = self.way.send(out.call, partial(self._heard, out), self._may_go)
        if refused is not None:
            self._out.pop(out.items[0].index)
            self.finished.extend(self._attempts.not_sent(out, refused, self._since(out)))

    def _may_go(self) -> bool:
        """Asked again after a connection was opened, which takes the call's own time."""
        if self._halted or self._runtime.stopping.asked:
            return False
        return not self._window.over(self._clocks.monotonic())

    def _heard(self, out: Out, reply: Any) -> None:
        if self._out.pop(out.items[0].index, None) is None:
            return
        told = None
        if not isinstance(reply, Withheld):
            told = self._attempts.answered(out, reply, self._since(out))
        if told is None:
            self._return((out.items,))
        else:
            # The rest of the slice would meet the same answer.
            self._halted |= isinstance(told[0].outcome, Stopped | Throttled)
            self.finished.extend(told)
        self._go_on()
        self._news()

    def _since(self, out: Out) -> float:
        return self._clocks.monotonic() - out.started
