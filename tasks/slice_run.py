"""One begun slice while its calls are made: what is next, and what has happened."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from structlog import get_logger

from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import AppFacts, Item, JobFacts
from bulkhead.model.kind import READ_BACK
from bulkhead.model.outcome import (
    Done,
    Next,
    Outcome,
    Refused,
    Repeat,
    Retry,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.slice import LOOK, Begun, Slice
from bulkhead.model.traffic import CallMade
from tasks import check
from tasks.clocks import Clocks, Window
from tasks.operation import conclude, prepare
from tasks.users import recognise
from worker.lanes import Lanes
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


class SliceRun:
    """Its lanes take turns at the items; whatever they finish waits here to be reported."""

    def __init__(
        self, part: Slice, begun: Begun, window: Window, runtime: Runtime, clocks: Clocks
    ) -> None:
        """Looks up the slice's items, job and app. Raises BulkheadError if one cannot be read."""
        items = runtime.cabinet.items(part)
        self.part = part
        self.begun = begun
        self.finished: deque[Finished] = deque()
        self.unsent: deque[int] = deque()
        self.left = {item.index for item in items}
        self.seq = 0
        self.settled = False
        self._window = window
        self._runtime = runtime
        self._clocks = clocks
        self.facts: JobFacts = runtime.cabinet.job(part.job)
        instants = map(window.instant, part.offsets)
        # The earliest permits are used; those that are left over go back.
        self._turns = deque(zip(self._to_call(items), instants, strict=False))
        self.app: AppFacts = check.app_of(runtime.cabinet, part, begun.app_version)
        self.retry = self.app.retry.changed(self.facts.retry)
        self._halted = False
        self._lanes_left = min(part.parallel, len(self._turns))
        self._lock = threading.Lock()
        self._done = threading.Event()

    def start(self, lanes: Lanes) -> None:
        """Let the lanes begin; `wait` tells when all of them are through."""
        if not self._turns:
            self._done.set()
        for _ in range(self._lanes_left):
            lanes.run(self._run_lane)

    def wait(self, seconds: float) -> bool:
        """True as soon as every item was tried or given up."""
        return self._done.wait(seconds)

    @property
    def done(self) -> bool:
        return self._done.is_set()

    @property
    def has_news(self) -> bool:
        """True while something has happened that the store does not know."""
        return self.done or bool(self.finished) or bool(self.unsent)

    def _to_call(self, items: list[Item]) -> list[Item]:
        """The items that need a call; what is done already is finished here and now."""
        left = []
        for item in items:
            known = self.begun.known.get(item.index)
            outcome = recognise(self.facts, known) if known else None
            if outcome is not None:
                now_ms = int(self._clocks.wall() * 1000)
                self.finished.append(Finished(item, outcome, now_ms, 0.0, called=False, free=True))
            elif self.part.step == LOOK:
                self.unsent.append(item.index)
            else:
                left.append(item)
        return left

    def _run_lane(self) -> None:
        try:
            while (turn := self._next_turn()) is not None:
                item, instant = turn
                if self._may_start(instant):
                    self.finished.append(self._attempt(item))
                else:
                    self.unsent.append(item.index)
        finally:
            with self._lock:
                self._lanes_left -= 1
                if self._lanes_left == 0:
                    self._done.set()

    def _next_turn(self) -> tuple[Item, float] | None:
        try:
            return self._turns.popleft()
        except IndexError:
            return None

    def _may_start(self, instant: float) -> bool:
        ahead = instant - self._clocks.monotonic()
        stopping = self._runtime.stopping
        if self._halted or stopping.asked or (ahead > 0 and stopping.wait(ahead)):
            return False
        # Looked at again after the wait: a process that was stopped for a minute must not call.
        return not (self._halted or self._window.missed(instant, self._clocks.monotonic()))

    def _attempt(self, item: Item) -> Finished:
        started_ms, started = int(self._clocks.wall() * 1000), self._clocks.monotonic()
        call: Call | Refused | None = None
        said: Outcome | None = None
        try:
            call = prepare(self.facts, item, self.part.step)
            if isinstance(call, Refused):
                return Finished(item, call, started_ms, 0.0, called=False)
            said = self._runtime.backend.call(self.app.endpoint, self.app.token, call)
            self._hear(said)
            known = self.begun.known.get(item.index)
            outcome: Outcome = conclude(self.facts, item, self.part.step, known, said)
        except Exception:
            # Ours, not mesibo's: said in full in the log, and judged like a lost answer.
            get_logger().exception("unexpected_error", app=self.part.app, job=self.part.job)
            outcome = _lost(call, self.facts.kind)
        if isinstance(outcome, Stopped | Throttled):
            # The rest of the slice would meet the same answer.
            self._halted = True
        seconds = self._clocks.monotonic() - started
        made = self._made(call, said) if isinstance(call, Call) else None
        return Finished(item, outcome, started_ms, seconds, called=True, call=made)

    def _hear(self, said: Outcome) -> None:
        """Count a word of refusal, for whoever wonders which there are."""
        upstream = getattr(said, "upstream", None)
        if upstream is not None and upstream.error is not None:
            self._runtime.hearing.note(self.part.app, upstream.op, upstream.error)

    def _made(self, call: Call, said: Outcome | None) -> CallMade:
        sent, received = self._runtime.backend.take_traffic()
        user = call.key if sent and call.op.startswith("user") else ""
        return CallMade(call.op, _WORDS.get(type(said), "unknown"), user, sent, received)


_WORDS = {
    Done: "succeeded",
    Refused: "refused",
    Retry: "retried",
    Throttled: "throttled",
    Stopped: "token_refused",
}
"""What a call by itself came to; whether an item needs another one is not asked here."""


def _lost(call: Call | Refused | None, kind: str) -> Retry | Next | Unknown:
    """What is known of a call that ended in an error of ours: it may have been sent."""
    if isinstance(call, Call) and call.repeat is Repeat.CHECK:
        return Next(READ_BACK, Upstream(call.op))
    if isinstance(call, Call) and call.repeat is Repeat.ONCE:
        return Unknown("the call failed inside Bulkhead", Upstream(call.op))
    upstream = Upstream(call.op if isinstance(call, Call) else kind)
    return Retry("UPSTREAM_ERROR", "the call failed inside Bulkhead", upstream)
