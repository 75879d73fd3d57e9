"""A job that comes in several messages: its parts are kept until the last one is there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.packing import pack, unpack
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import Conflict, Unreachable

KEPT_FOR = 86400
"""Seconds that parts wait for the next one, and that a sealed job's parts are still recognised."""

_REFUSALS = {
    "other_app": "the parts before it are for another app",
    "numbering": "either every part has its `part`, or none",
    "taken": "its place is taken, or behind the last part",
    "late": "the last part came before it, and the job was made without it",
}


@dataclass(frozen=True, slots=True)
class Parcelled:
    """Which job a part belongs to: a tenant's idempotency key, and an app."""

    tenant: str
    key: str
    app: str


@dataclass(frozen=True, slots=True)
class Part:
    """One message's share of a job; `last` says what the job is, and only the last part has it."""

    task: str
    items: Sequence[Any]
    number: int | None = None
    last: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A part is kept; `sealed` names the job that was made, `complete` says it can be."""

    complete: bool = False
    sealed: str = ""


class Parts:
    """Keeps parts for a day after the newest. Raises Conflict, StoreFull, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def add(self, whole: Parcelled, part: Part) -> Kept:
        """Keep a part; the same task id again changes nothing. Raises Conflict if it cannot fit."""
        last = "" if part.last is None else json.dumps(dict(part.last))
        where = (whole.tenant, whole.key, whole.app, part.task)
        number = "" if part.number is None else part.number
        items = pack(list(part.items))
        answer = self._scripts.run("part", *where, number, items, last, KEPT_FOR)
        verdict, job = answer[0].decode(), answer[1].decode()
        if verdict in _REFUSALS:
            raise Conflict(
                "the part does not fit to those before it",
                why=_REFUSALS[verdict],
                to_do="send all parts again under another idempotency key",
            )
        return Kept(sealed=job) if verdict == "sealed" else Kept(complete=bool(answer[2]))

    def last(self, whole: Parcelled) -> dict[str, Any]:
        """What the last part said about the job."""
        told: dict[str, Any] = json.loads(ask(self._redis.hget, self._name(whole), "last"))
        return told

    def items(self, whole: Parcelled) -> Iterator[Any]:
        """Every item, in the order of the parts' numbers, else in that of their arrival.

        Raises Unreachable where another worker was quicker to make the job.
        """
        count = int(ask(self._redis.hget, self._name(whole), "last_number") or 0)
        for place in range(1, count + 1):
            blob = ask(self._redis.hget, self._name(whole, "items"), str(place))
            if blob is None:
                raise Unreachable(
                    f"the parts of {whole.key} are gone",
                    why="another worker has just made their job",
                    to_do="nothing: the message is read again, and finds the job",
                )
            yield from unpack(blob)

    def sealed(self, whole: Parcelled, job: str) -> None:
        """Forget the items: they are the job's now."""
        ask(self._redis.hset, self._name(whole), "sealed", job)
        ask(self._redis.delete, self._name(whole, "items"))
        ask(self._redis.zrem, self._scripts.key("parts"), f"{whole.tenant} {whole.key}")

    def overdue(self, now: float) -> list[tuple[Parcelled, int]]:
        """Jobs whose newest part is a day old and that are not complete: how many parts came."""
        index = self._scripts.key("parts")
        found = []
        for name in ask(self._redis.zrangebyscore, index, "-inf", now * 1e6, 0, 100):
            tenant, _, key = name.decode().partition(" ")
            hash_name = self._scripts.key("parts", tenant, key)
            app, have = ask(self._redis.hmget, hash_name, ["app", "have"])
            found.append((Parcelled(tenant, key, (app or b"").decode()), int(have or 0)))
        return found

    def forget(self, whole: Parcelled) -> None:
        """Drop what is there of a job that will not be complete."""
        ask(self._redis.delete, self._name(whole), self._name(whole, "items"))
        ask(self._redis.zrem, self._scripts.key("parts"), f"{whole.tenant} {whole.key}")

    def _name(self, whole: Parcelled, *more: str) -> str:
        return self._scripts.key("parts", whole.tenant, whole.key, *more)
