"""How the calls of a slice leave, and what their answers mean: a backend, or a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bulkhead.backend.call import Call
from bulkhead.backend.reply import Reply
from bulkhead.engine.cabinet import AppFacts, Item, JobFacts
from bulkhead.model.outcome import Outcome, Refused
from bulkhead.model.slice import Begun, Slice
from bulkhead.model.traffic import CallMade
from tasks.clocks import Window
from tasks.made import made
from tasks.operation import prepare_joined
from worker.runtime import Runtime

MayGo = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Trip:
    """What a way needs to know of the slice whose calls take it."""

    part: Slice
    begun: Begun
    facts: JobFacts
    app: AppFacts
    window: Window


class Way(Protocol):
    """One slice's way to mesibo. Called in the caller's thread, and never waits."""

    backend: bool
    """True if trouble on it is the trouble of the app's backend."""

    def prepare(self, items: Sequence[Item]) -> Call | Refused:
        """The one call for these items, or why there is none."""

    def send(self, call: Call, told: Callable[[Any], None], may_go: MayGo) -> Refused | None:
        """Send it, once; `told` hears the answer later, or Withheld. Or why it cannot be sent."""

    def judge(self, call: Call, reply: Any) -> Outcome | None:
        """What the answer means; None if nothing was sent after all."""

    def made(self, call: Call, said: Outcome | None, reply: Any) -> CallMade | None:
        """What is known of the call by itself, where it is counted."""


class ByBackend:
    """Calls to the app's backend API."""

    backend = True

    def __init__(self, trip: Trip, runtime: Runtime) -> None:
        self._runtime = runtime
        self._part, self._facts, self._app = trip.part, trip.facts, trip.app

    def prepare(self, items: Sequence[Item]) -> Call | Refused:
        """The call of the step that the slice is at."""
        return prepare_joined(self._facts, items, self._part.operation)

    def send(self, call: Call, told: Callable[[Any], None], may_go: MayGo) -> Refused | None:
        """Send it to the app's endpoint, or say why its body cannot be made."""
        body = self._runtime.backend.body(self._app.endpoint, self._app.token, call)
        if isinstance(body, Refused):
            return body
        self._runtime.courier.send(self._app.endpoint, body, told, may_go)
        return None

    def judge(self, call: Call, reply: Reply) -> Outcome:
        """What the answer means."""
        said = self._runtime.backend.judge(call, self._app.token, reply)
        upstream = getattr(said, "upstream", None)
        if upstream is not None and upstream.error is not None:
            # A word of refusal, counted for whoever wonders which there are.
            self._runtime.hearing.note(self._part.app, upstream.op, upstream.error)
        return said

    def made(self, call: Call, said: Outcome | None, reply: Reply | None) -> CallMade:
        """What it came to, and its bytes."""
        return made(call, said, reply)
