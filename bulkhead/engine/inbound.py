"""Inbound events in the store: one bounded stream an app, kept for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from bulkhead.engine.delivery import told
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.stream import BEGINNING, block_for, newest
from bulkhead.inbound.classify import classify
from bulkhead.inbound.event import Delivery, Event, PushResult
from bulkhead.model.job import rfc3339

MOST_EVENTS = 2_000
MOST_BYTES = 1 << 20
KEPT_FOR = 24 * 3600.0
"""Seconds. Of each app the newest events are kept, so many and so large all together at most."""
AT_ONCE = 200

Reason = Literal["wrong_secret", "no_secret", "unreadable", "too_large"]
REASONS: tuple[Reason, ...] = ("wrong_secret", "no_secret", "unreadable", "too_large")
"""Why a delivery is not believed or not read."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the events of a delivery; `dropped` ones are older, or were one too many."""

    kept: int
    repeated: int
    dropped: int
    placed: int = 0
    """Events about messages of broadcasts, which are counted with their jobs and not kept."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it was kept; `at` is RFC 3339 by the store's clock."""

    id: str
    at: str
    event: Event


@dataclass(frozen=True, slots=True)
class InboundCounts:
    """What has come for an app since it was added."""

    app: str
    received: int
    repeated: int
    dropped: int
    refused: Mapping[Reason, int]
    statuses: int = 0
    """Events about messages, whosever."""
    placed: int = 0
    """Those of them that were about messages of broadcasts."""


class _Queued(NamedTuple):
    """Of a delivery: how many of its events were not read, and about whom somebody may wait."""

    app: str
    beyond: int
    awaited: list[str]


class InboundEvents:
    """Appends, tells who waits, and reads. Raises Unreachable, or StoreFull of a full store."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def append(self, app: str, delivery: Delivery) -> Taken:
        """Keep the events that were not seen before; nothing for an app that is gone."""
        return self.take([(app, delivery)])[0]

    def refuse(self, app: str, reason: Reason) -> None:
        """Count a delivery of which nothing is kept."""
        self.take([(app, reason)])

    def take(self, heard: Iterable[tuple[str, Delivery | Reason]]) -> list[Taken]:
        """Append or refuse each, in their order; a round trip for all of them.

        Of what was taken from `heard` only its writing is held: what is read one by one is freed
        one by one.
        """
        pipe = self._redis.pipeline(transaction=False)
        queued = [self._queue(pipe, app, what) for app, what in heard]
        answers = ask(pipe.execute) if queued else []
        for one in queued:
            # Who is not told finds the event when its time is over.
            if one.awaited:
                self._scripts.run("wake", one.app, *one.awaited)
        return [_taken(one.beyond, answer) for one, answer in zip(queued, answers, strict=True)]

    def events(self, app: str, after: str = BEGINNING) -> Iterator[Received]:
        """What has come after the event of this id, the oldest first; pruned ones are left out."""
        while True:
            found = ask(self._redis.xrange, self._name(app), min=f"({after}", count=AT_ONCE)
            if not found:
                return
            for name, fields in found:
                yield _received(name, fields)
            after = found[-1][0].decode()

    def newest(self, app: str) -> str:
        """The id of the newest event: what comes after it is news from now on."""
        return newest(self._redis, self._name(app))

    def last_at(self, app: str) -> str | None:
        """When the newest event was kept; None if none is."""
        name = self.newest(app)
        return None if name == BEGINNING else _when(name)

    def wait_for(
        self, app: str, wanted: Callable[[Event], bool], after: str, seconds: float
    ) -> Received | None:
        """The first event after that id that is wanted; None when the time is over."""
        until = time.monotonic() + seconds
        name = self._name(app)
        while True:
            for received in self.events(app, after):
                after = received.id
                if wanted(received.event):
                    return received
            left = until - time.monotonic()
            if left <= 0:
                return None
            ask(self._redis.xread, {name: after}, count=1, block=block_for(left))

    def _queue(self, pipe: Any, app: str, what: Delivery | Reason) -> _Queued:
        """Put it into the pipe; what is kept of it until the pipe has run."""
        counted: tuple[str, int] = (f"refused|{what}", 1)
        written: list[str | bytes] = []
        beyond = 0
        if isinstance(what, Delivery):
            beyond = what.beyond
            counted = ("dropped", beyond)
            for event in what.events:
                written += (event.identity or b"", _written(event), told(event))
        bounds = (MOST_EVENTS, MOST_BYTES, round(KEPT_FOR * 1000))
        self._scripts.queue(pipe, "inbound", app, *bounds, *counted, *written)
        return _Queued(app, beyond, _awaited(what))

    def _name(self, app: str) -> str:
        return self._scripts.key("app", app, "inbound")


def _awaited(what: Delivery | Reason) -> list[str]:
    """The users about whom an item may be waiting to hear."""
    if not isinstance(what, Delivery):
        return []
    results = [event.what for event in what.events if isinstance(event.what, PushResult)]
    return sorted({result.address for result in results if result.address})


def inbound_counts(scripts: Scripts, apps: Sequence[str]) -> list[InboundCounts]:
    """What has come for each of these apps that anything came for; one round trip."""
    pipe = scripts.redis.pipeline(transaction=False)
    for app in apps:
        pipe.hgetall(scripts.key("app", app, "inbound", "counts"))
    pairs = zip(apps, ask(pipe.execute), strict=True)
    return [_counts(app, decoded(kept)) for app, kept in pairs if kept]


def _taken(beyond: int, answer: Sequence[int]) -> Taken:
    kept, repeated, dropped, placed = answer or (0, 0, 0, 0)
    return Taken(kept, repeated, dropped + beyond, placed)


def _counts(app: str, kept: Mapping[str, str]) -> InboundCounts:
    def number(name: str) -> int:
        return int(kept.get(name, 0))

    refused: dict[Reason, int] = {reason: number(f"refused|{reason}") for reason in REASONS}
    return InboundCounts(
        app,
        *(number("received"), number("repeated"), number("dropped")),
        refused,
        *(number("statuses"), number("placed")),
    )


def _written(event: Event) -> str:
    """The event as the store keeps it: ASCII, whatever characters it holds."""
    envelope = (event.aid, event.id, event.at, event.version, event.index)
    return json.dumps([*envelope, dict(event.raw)], separators=(",", ":"))


def _received(name: bytes, fields: Mapping[bytes, bytes]) -> Received:
    aid, number, at, version, index, raw = json.loads(fields[b"event"])
    event = Event(classify(raw), raw, aid, number, at, version, index)
    return Received(name.decode(), _when(name.decode()), event)


def _when(name: str) -> str:
    return rfc3339(int(name.partition("-")[0]) * 1000) or ""
