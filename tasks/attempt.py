"""One attempt at one item, and what the answer to its call means for each item of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from structlog import get_logger

from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.outcome import Outcome, Refused
from bulkhead.model.slice import Begun, Slice
from bulkhead.model.traffic import CallMade
from tasks.made import lost
from tasks.operation import conclude, conclude_joined
from tasks.way import Way


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
class Out:
    """Items whose call is on its way: nearly always one."""

    items: Sequence[Item]
    call: Call
    started_ms: int
    started: float


class Attempts:
    """What became of the items of one slice, by what was said to their calls."""

    def __init__(self, part: Slice, begun: Begun, facts: JobFacts, way: Way) -> None:
        self._part = part
        self._begun = begun
        self._facts = facts
        self._way = way

    def refused(self, items: Sequence[Item], why: Refused, started_ms: int) -> list[Finished]:
        """Of items for which there is no call to make."""
        meant = [why] if len(items) == 1 else self._meant(items, why)
        return [
            Finished(item, outcome, started_ms, 0.0, called=False)
            for item, outcome in zip(items, meant, strict=True)
        ]

    def not_sent(self, out: Out, why: Refused, seconds: float) -> list[Finished]:
        """Of items whose call could not be written."""
        made = self._way.made(out.call, why, None)
        return _finished(out, self._meant(out.items, why), made, seconds)

    def answered(self, out: Out, reply: Any, seconds: float) -> list[Finished] | None:
        """Of items whose call was answered, or is known to be lost; None if none was sent."""
        said: Outcome | None = None
        try:
            said = self._way.judge(out.call, reply)
            if said is None:
                return None
            made = self._way.made(out.call, said, reply)
            return _finished(out, self._meant(out.items, said), made, seconds)
        except Exception:
            # Ours, not mesibo's: said in full in the log, and judged like a lost answer.
            self.log_surprise()
            outcome = lost(out.call, self._facts.kind)
            made = self._way.made(out.call, said, reply)
            return _finished(out, [outcome] * len(out.items), made, seconds)

    def broken(
        self, items: Sequence[Item], call: Call | Refused | None, started_ms: int
    ) -> list[Finished]:
        """Of items for which an error of ours came between; said in full in the log."""
        self.log_surprise()
        outcome = lost(call, self._facts.kind)
        return [
            Finished(item, outcome, started_ms, 0.0, called=True, shared=item is not items[0])
            for item in items
        ]

    def log_surprise(self) -> None:
        """Say in full what was raised just now."""
        get_logger().exception("unexpected_error", app=self._part.app, job=self._part.job)

    def _meant(self, items: Sequence[Item], said: Outcome) -> list[Outcome]:
        """What the outcome of a call means for each of its items."""
        known, operation = self._begun.known, self._part.operation
        if len(items) == 1:
            return [conclude(self._facts, items[0], operation, known.get(items[0].index), said)]
        return [
            conclude_joined(self._facts, one, operation, known.get(one.index), said)
            for one in items
        ]


def _finished(
    out: Out, outcomes: Sequence[Outcome], call: CallMade | None, seconds: float
) -> list[Finished]:
    first = Finished(out.items[0], outcomes[0], out.started_ms, seconds, called=True, call=call)
    if len(outcomes) == 1:
        return [first]
    others = zip(out.items[1:], outcomes[1:], strict=True)
    return [
        first,
        *(
            Finished(one, said, out.started_ms, seconds, called=True, shared=True)
            for one, said in others
        ),
    ]
