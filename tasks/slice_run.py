"""One begun slice while its calls are made: what is next, and what has happened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from structlog import get_logger

from bulkhead.backend.call import Call
from bulkhead.backend.reply import Reply, Withheld
from bulkhead.engine.cabinet import AppFacts, Item, JobFacts
from bulkhead.model.outcome import (
    Outcome,
    Refused,
    Stopped,
    Throttled,
)
from bulkhead.model.slice import LOOK, Begun, Slice
from bulkhead.model.traffic import CallMade
from tasks import check
from tasks.asked import Asked
from tasks.clocks import Clocks, Window
from tasks.joined import bundled
from tasks.made import lost, made
from tasks.operation import alike, conclude, conclude_joined, prepare_joined, sparing, supplied
from worker import items as lines
from worker.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Finished:
    """One attempt at one item."""

    item: Item
    outcome: Outcome
    started_ms: int
    seconds: float
    called: bool
    free: bool = False
    """True if the item needed no call: its permit goes back."""
    call: CallMade | None = None
    shared: bool = False
    """True if its call is counted with another item."""


@dataclass(frozen=True, slots=True)
class _Out:
    """Items whose call is on its way: nearly always one."""

    items: Sequence[Item]
    call: Call
    started_ms: int
    started: float


def _nobody() -> None:
    """Nobody waits."""


class SliceRun:
    """Calls for its items in the caller's thread; what has happened waits here to be reported."""

    def __init__(
        self, part: Slice, begun: Begun, window: Window, runtime: Runtime, clocks: Clocks
    ) -> None:
        """Looks up the slice's items, job and app. Raises BulkheadError if one cannot be read."""
        self.facts: JobFacts = runtime.cabinet.job(part.job)
        asked = Asked(runtime.cabinet, self.facts, part, begun, clocks.wall())
        items = supplied(asked)
        self.part = part
        self.begun = begun
        self.finished: deque[Finished] = deque()
        self.unsent: deque[int] = deque()
        self.left = {item.index for item in items}
        self.seq = 0
        self.settled = False
        self.lines_wanted = lines.wanted()
        """True if each item has a line of its own in the log."""
        self.told_waiting = 0.0
        """Seconds out that a call was last reported with."""
        self.done = False
        """True as soon as every item was tried or given up."""
        self._window = window
        self._runtime = runtime
        self._clocks = clocks
        instants = map(window.instant, part.offsets)
        # The earliest permits are used; those that are left over go back.
        self._turns = deque(zip(self._bundled(self._to_call(items)), instants, strict=False))
        self.app: AppFacts = check.app_of(runtime.cabinet, part, begun.app_version)
        self.retry = self.app.retry.changed(self.facts.retry)
        self._halted = False
        self._out: dict[int, _Out] = {}
        self._alarm: asyncio.TimerHandle | None = None
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
            self._log_surprise()
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
            call = prepare_joined(self.facts, items, self.part.operation)
            if isinstance(call, Refused):
                meant = [call] if len(items) == 1 else self._meant(items, call)
                for item, outcome in zip(items, meant, strict=True):
                    self.finished.append(Finished(item, outcome, started_ms, 0.0, called=False))
                return
            out = _Out(items, call, started_ms, started)
            body = self._runtime.backend.body(self.app.endpoint, self.app.token, call)
            if isinstance(body, Refused):
                self.finished.extend(self._concluded(out, body, None))
                return
            self._out[items[0].index] = out
            heard = partial(self._heard, out)
            self._runtime.courier.send(self.app.endpoint, body, heard, self._may_go)
        except Exception:
            self._log_surprise()
            self._out.pop(items[0].index, None)
            outcome = lost(call, self.facts.kind)
            for item in items:
                shared = item is not items[0]
                told = Finished(item, outcome, started_ms, 0.0, called=True, shared=shared)
                self.finished.append(told)

    def _may_go(self) -> bool:
        """Asked again after a connection was opened, which takes the call's own time."""
        if self._halted or self._runtime.stopping.asked:
            return False
        return not self._window.over(self._clocks.monotonic())

    def _heard(self, out: _Out, reply: Reply | Withheld) -> None:
        if self._out.pop(out.items[0].index, None) is None:
            return
        if isinstance(reply, Withheld):
            self._return((out.items,))
        else:
            self.finished.extend(self._judged(out, reply))
        self._go_on()
        self._news()

    def _judged(self, out: _Out, reply: Reply) -> list[Finished]:
        said: Outcome | None = None
        try:
            said = self._runtime.backend.judge(out.call, self.app.token, reply)
            upstream = getattr(said, "upstream", None)
            if upstream is not None and upstream.error is not None:
                # A word of refusal, counted for whoever wonders which there are.
                self._runtime.hearing.note(self.part.app, upstream.op, upstream.error)
            return self._concluded(out, said, reply)
        except Exception:
            # Ours, not mesibo's: said in full in the log, and judged like a lost answer.
            self._log_surprise()
            outcome = lost(out.call, self.facts.kind)
            call = made(out.call, said, reply)
            return self._finished(out, [outcome] * len(out.items), call)

    def _meant(self, items: Sequence[Item], said: Outcome) -> list[Outcome]:
        """What the outcome of a call means for each of its items."""
        known, operation = self.begun.known, self.part.operation
        if len(items) == 1:
            return [conclude(self.facts, items[0], operation, known.get(items[0].index), said)]
        return [
            conclude_joined(self.facts, one, operation, known.get(one.index), said) for one in items
        ]

    def _concluded(self, out: _Out, said: Outcome, reply: Reply | None) -> list[Finished]:
        outcomes = self._meant(out.items, said)
        if isinstance(outcomes[0], Stopped | Throttled):
            # The rest of the slice would meet the same answer.
            self._halted = True
        return self._finished(out, outcomes, made(out.call, said, reply))

    def _finished(self, out: _Out, outcomes: Sequence[Outcome], call: CallMade) -> list[Finished]:
        started_ms, seconds = out.started_ms, self._clocks.monotonic() - out.started
        first = Finished(out.items[0], outcomes[0], started_ms, seconds, called=True, call=call)
        if len(outcomes) == 1:
            return [first]
        others = zip(out.items[1:], outcomes[1:], strict=True)
        return [
            first,
            *(
                Finished(one, said, started_ms, seconds, called=True, shared=True)
                for one, said in others
            ),
        ]

    def _log_surprise(self) -> None:
        get_logger().exception("unexpected_error", app=self.part.app, job=self.part.job)
