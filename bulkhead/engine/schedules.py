"""The recurring schedules of the store: made, read, fired in turn, advanced once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from bulkhead.engine.refusal import unconfirmed
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.errors import BulkheadError, Conflict, InvalidInput, NotFound
from bulkhead.model.cron import Cron
from bulkhead.model.schedule import ACTIVE, Firing, Ordered, Rules, Schedule

LEASE = 10.0
"""Seconds for which one worker alone fires, longer if it says so in time."""
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Rows that lie in the store as a draft, and what a job made of them would be."""

    draft: str
    segments: int
    fields: str
    """JSON, as is `codes`."""
    codes: str


@dataclass(frozen=True, slots=True)
class Due:
    """Schedules that are to fire at Unix seconds `now`; `left` are the seconds to the next."""

    left: float | None
    now: float
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advance:
    """What a firing comes to: the next instant, and what is said of this one."""

    next: float | None
    firing: Firing
    error: str = ""


class Schedules:
    """Every method asks the store afresh. Raises NotFound, Conflict, StoreFull, Unreachable.

    Schedules are named with their tenant, as `acme/weekly`.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def create(
        self, name: str, rules: Rules, order: Ordered, now: float, kept: KeptRows | None
    ) -> Schedule:
        """A schedule from now on; without kept rows its audience is read with each firing.

        Raises Conflict if one of that name exists, NotFound when the app is gone.
        """
        planned = rules.cron.next(now)
        fields = {
            "id": token_hex(8),
            "state": ACTIVE,
            **_of_rules(rules),
            **_of_order(order),
            "planned": _micros(planned),
            "fields": kept.fields if kept else "",
            "codes": kept.codes if kept else "",
        }
        place = (kept.draft, kept.segments) if kept else ("", 0)
        flat = [part for pair in fields.items() for part in pair]
        due = _micros(None if planned is None else planned + rules.jitter)
        answer, confirmed = self._scripts.run_replicated(
            *("schedule", "create", name, _tenant(name)), *place, due, *flat
        )
        if not confirmed:
            raise unconfirmed("the schedule may be lost")
        if answer != b"ok":
            raise _not_made(name, order, answer.decode())
        return self.get(name)

    def now(self) -> float:
        """Unix seconds by the store's clock, which decides when anything is due."""
        seconds, micros = ask(self._redis.time)
        return float(seconds + micros / 1e6)

    def get(self, name: str) -> Schedule:
        """The schedule with its last firings. Raises NotFound with the nearest name."""
        fields = decoded(ask(self._redis.hgetall, self._scripts.key("schedule", name)))
        if not fields:
            raise self.unknown(name)
        told = ask(self._redis.lrange, self._scripts.key("schedule", name, "firings"), 0, -1)
        return _schedule(name, fields, told)

    def names(self, tenant: str | None = None) -> list[str]:
        """All of them, or those of a tenant."""
        place = ("schedules", tenant) if tenant else ("schedules",)
        return sorted(
            name.decode() for name in ask(self._redis.smembers, self._scripts.key(*place))
        )

    def find(self, text: str, tenant: str | None = None) -> str:
        """The full name that is meant: with a tenant, or alone where only one tenant has it.

        Raises NotFound with the nearest name, and Conflict where several tenants have it.
        """
        known = self.names()
        whole = text if "/" in text or not tenant else f"{tenant}/{text}"
        found = [name for name in known if whole in (name, name.partition("/")[2])]
        if len(found) > 1:
            raise Conflict(
                f"several tenants have a schedule {text}",
                why=f"there are {', '.join(found[:3])}",
                to_do=f"name it with its tenant, such as {found[0]}",
            )
        if not found:
            raise self.unknown(text)
        return found[0]

    def unknown(self, name: str) -> NotFound:
        """The error for a name that no schedule has."""
        known = self.names()
        near = difflib.get_close_matches(name, known, n=1)
        near = near or [one for one in known if difflib.get_close_matches(name, [_bare(one)], n=1)]
        return NotFound(
            f"there is no schedule {name}",
            why=f"{len(known)} are known" if known else "none was made yet",
            to_do=f"did you mean {near[0]}?" if near else "see `bulkhead schedules list`",
        )

    def delete(self, name: str) -> None:
        """Forget it with its rows; jobs that it made stay."""
        if not self._scripts.run("schedule", "delete", name, _tenant(name)):
            raise self.unknown(name)

    def pause(self, name: str) -> None:
        """Let it fire no more; what comes meanwhile is not made up for."""
        if self._scripts.run("schedule", "pause", name) == b"none":
            raise self.unknown(name)

    def resume(self, name: str, now: float) -> None:
        """Let it fire from its next instant on."""
        rules = self.get(name).rules
        planned = rules.cron.next(now)
        due = None if planned is None else planned + rules.jitter
        words = (name, _micros(planned), _micros(due))
        if self._scripts.run("schedule", "resume", *words) == b"none":
            raise self.unknown(name)

    def due(self, worker: str) -> Due:
        """What this worker is to fire now; nothing while another one's lease holds."""
        words = (worker, _micros(LEASE), AT_ONCE)
        left, now, *names = self._scripts.run("schedule", "due", *words)
        found = tuple(name.decode() for name in names)
        return Due(None if left < 0 else left / 1e6, int(now) / 1e6, found)

    def keep(self, worker: str) -> bool:
        """Whether this worker goes on as the one that fires, for another LEASE."""
        return bool(self._scripts.run("schedule", "keep", worker, _micros(LEASE)))

    def advance(self, schedule: Schedule, to: Advance) -> bool:
        """Move on to the next instant; False where somebody else did, or it was made anew."""
        due = None if to.next is None else to.next + schedule.rules.jitter
        known = (schedule.full_name, schedule.id, _micros(schedule.planned))
        told = (_micros(to.next), _micros(due), to.firing.write(), to.firing.job, to.error)
        return bool(self._scripts.run("schedule", "advance", *known, *told))

    def note(self, schedule: Schedule, firing: Firing) -> None:
        """Remember a firing that came beside the line."""
        known = (schedule.full_name, schedule.id)
        self._scripts.run("schedule", "note", *known, firing.write(), firing.job)

    def states(self, schedule: Schedule) -> dict[str, str]:
        """The state of each job that its last firings made, of those not forgotten yet."""
        jobs = [firing.job for firing in schedule.firings if firing.job]
        pipe = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipe.hget(self._scripts.key("job", job), "state")
        found = zip(jobs, ask(pipe.execute), strict=True)
        return {job: state.decode() for job, state in found if state}

    def put_off(self, name: str, seconds: float) -> None:
        """Have it looked at again so much later."""
        self._scripts.run("schedule", "put_off", name, _micros(seconds))


def _tenant(name: str) -> str:
    return name.partition("/")[0]


def _bare(name: str) -> str:
    return name.partition("/")[2]


def _micros(seconds: float | None) -> str:
    return "" if seconds is None else str(round(seconds * 1e6))


def _of_rules(rules: Rules) -> dict[str, str]:
    return {
        "cron": rules.cron.line,
        "zone": rules.cron.zone,
        "misfire": rules.misfire,
        "overlap": rules.overlap,
        "exact": "1" if rules.exact else "",
        "jitter": repr(rules.jitter),
    }


def _of_order(order: Ordered) -> dict[str, str]:
    return {
        "app": order.app,
        "kind": order.kind,
        "words": json.dumps(list(order.words), ensure_ascii=False),
        "audience": order.audience,
        "input": json.dumps(order.input, ensure_ascii=False),
    }


def _not_made(name: str, order: Ordered, verdict: str) -> BulkheadError:
    if verdict == "exists":
        return Conflict(
            f"there is a schedule {name} already",
            why="a schedule is never changed: what it made stays explained by it",
            to_do="choose another name, or `bulkhead schedules delete` it first",
        )
    if verdict == "no_app":
        return NotFound(
            f"there is no app {order.app}",
            why="it was removed while the input was read",
            to_do="see `bulkhead apps list`",
        )
    return InvalidInput(
        "reading the input took too long",
        why="a schedule must be complete within the hour",
        to_do="split the input, or feed it faster; nothing was scheduled",
    )


def _schedule(name: str, fields: dict[str, str], told: Sequence[bytes]) -> Schedule:
    rules = Rules(
        Cron(fields["cron"], fields["zone"]),
        fields["misfire"],
        fields["overlap"],
        fields["exact"] == "1",
        float(fields["jitter"]),
    )
    words: list[str] = json.loads(fields["words"])
    known: Any = json.loads(fields["input"])
    return Schedule(
        id=fields["id"],
        tenant=_tenant(name),
        name=_bare(name),
        state=fields["state"],
        rules=rules,
        order=Ordered(fields["app"], fields["kind"], words, fields["audience"], known),
        planned=int(fields["planned"]) / 1e6 if fields["planned"] else None,
        created_at=int(fields["created_at"]) / 1e6,
        last_job=fields.get("last_job", ""),
        last_error=fields.get("last_error", ""),
        firings=tuple(map(Firing.of, told)),
    )
