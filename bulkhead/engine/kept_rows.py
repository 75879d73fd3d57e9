"""Rows that a schedule keeps: copied inside the store into a job for each firing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from bulkhead.engine.draft import SEAL_FOR, Draft
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.refusal import UNSEALED_FOR, refusal, unconfirmed
from bulkhead.engine.request import Request
from bulkhead.engine.schedules import KeptRows
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.seal import Begun, ask_to_seal, begin_draft
from bulkhead.errors import NotFound
from bulkhead.model.job import new_job_id
from bulkhead.model.schedule import Schedule
from bulkhead.model.window import window_fields

AT_ONCE = 64
"""Segments that the store copies in one go: it answers others in between."""


def keep(draft: Draft, described: Mapping[str, Any]) -> KeptRows:
    """What was written to a draft, for a schedule to take over within the hour."""
    fields, codes = draft.finish(described)
    return KeptRows(draft.id, draft.segments, fields, codes)


def job_of_rows(
    scripts: Scripts,
    schedule: Schedule,
    key: str,
    labels: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str:
    """The id of the job made of the schedule's rows under this idempotency key, once.

    Raises NotFound (the app or the schedule is gone), Conflict (a quota), StoreFull, Unreachable.
    """
    made = Jobs(scripts).made_with(schedule.tenant, key)
    if made is not None:
        return made.id
    kept = decoded(ask(scripts.redis.hgetall, scripts.key("schedule", schedule.full_name)))
    if kept.get("id") != schedule.id:
        raise _gone(schedule)
    fields = _fields(json.loads(kept["fields"]), key, labels, clock())
    draft = Begun(
        new_job_id(clock()), schedule.order.kind, schedule.tenant, schedule.order.app, clock()
    )
    return _Copy(scripts, schedule, draft, int(kept["segments"])).seal(fields, kept["codes"])


class _Copy:
    """A draft whose rows are those of a schedule."""

    def __init__(self, scripts: Scripts, schedule: Schedule, draft: Begun, segments: int) -> None:
        self._scripts = scripts
        self._schedule = schedule
        self._draft = draft
        self._segments = segments

    def seal(self, fields: dict[str, str], codes: str) -> str:
        """The id of the job. Raises as `job_of_rows`."""
        self._fill()
        if not ask(self._scripts.replicas.confirm, SEAL_FOR):
            raise unconfirmed("the job was not accepted")
        answer = ask_to_seal(self._scripts, self._draft.id, json.dumps(fields), codes)
        verdict, job, state = (part.decode() for part in answer)
        if verdict in ("ok", "same"):
            if job != self._draft.id:
                self._discard()
            return str(job)
        self._discard()
        about = Request(self._draft.kind, self._draft.tenant, self._draft.app)
        raise refusal(about, verdict, job, state)

    def _fill(self) -> None:
        pipe = self._scripts.redis.pipeline(transaction=False)
        begin_draft(pipe, self._scripts, self._draft)
        ask(pipe.execute)
        whole = ("map",), ("out",), ("file",)
        parts = [*whole, *(("seg", str(place)) for place in range(self._segments))]
        for first in range(0, len(parts), AT_ONCE):
            for part in parts[first : first + AT_ONCE]:
                to = self._scripts.key("job", self._draft.id, *part)
                pipe.copy(self._scripts.key("schedule", self._schedule.full_name, *part), to)
                pipe.expire(to, UNSEALED_FOR)
            ask(pipe.execute)

    def _discard(self) -> None:
        self._scripts.run("discard", self._draft.id, self._segments)


def params_of(scripts: Scripts, schedule: Schedule) -> dict[str, Any]:
    """What is asked for with each job that is made of its rows, apart from these.

    Raises NotFound where the schedule is gone.
    """
    fields = ask(scripts.redis.hget, scripts.key("schedule", schedule.full_name), "fields")
    if not fields:
        raise _gone(schedule)
    params: dict[str, Any] = json.loads(json.loads(fields)["params"])
    return params


def _fields(
    kept: dict[str, str], key: str, labels: Mapping[str, str], now: float
) -> dict[str, str]:
    told = {**json.loads(kept["labels"]), **labels}
    made = {**kept, "idempotency_key": key, "labels": json.dumps(told, ensure_ascii=False)}
    if kept.get("window"):
        # Worked out for some years from the instant at which a job is made.
        made |= window_fields(kept["window"], now)
    return made


def _gone(schedule: Schedule) -> NotFound:
    return NotFound(
        f"the schedule {schedule.full_name} is gone",
        why="it was deleted just now",
        to_do="nothing: no job was made",
    )
