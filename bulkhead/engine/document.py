"""From a job's fields in the store to the document that people and programs read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from bulkhead.model.code import CODES
from bulkhead.model.job import PASSING, CodeCount, Counts, Job, JobState, rfc3339
from bulkhead.model.waves import SEVERAL

FIRST_LINES = 5

MOVING = ("app_rate", "class_rate", "job_rate", "sender_rate", "max_in_flight", "workers")
"""What limits a job that goes on all the same."""

SLOWEST = 0.001
"""Items a second below which a job counts as standing still."""


def counts_in(fields: Mapping[str, str], state: JobState) -> Counts:
    """Every item in exactly one place; what is left over is pending, or what became of that."""

    def number(name: str) -> int:
        return int(fields.get(name) or 0)

    known = {
        name: number(name) for name in ("succeeded", "skipped", "failed", "unknown", "in_flight")
    }
    rest = number("total") - sum(known.values())
    places = {"pending": 0, "cancelled": 0, "not_attempted": 0}
    if state is JobState.CANCELLED:
        places["cancelled"] = rest
    elif state.terminal:
        places["not_attempted"] = rest
    else:
        places["pending"] = rest
    return Counts(total=number("total"), **known, **places)


def _lines(written: str) -> tuple[int, ...]:
    return tuple(sorted(int(line) for line in written.split(",") if line)[:FIRST_LINES])


def _codes(kept: Mapping[str, str]) -> tuple[CodeCount, ...]:
    counted = [
        CodeCount(
            code=name,
            count=int(count),
            first_lines=_lines(kept.get(f"{name}|lines", "")),
            hint=CODES[name].fix if name in CODES else "",
        )
        for name, count in kept.items()
        if not name.endswith("|lines") and int(count) > 0
    ]
    return tuple(sorted(counted, key=lambda entry: -entry.count))


def _limited_by(
    fields: Mapping[str, str], app: Mapping[str, str], workers: int, now: float
) -> str | None:
    state = JobState(fields["state"])
    if state.terminal or state is JobState.VALIDATING:
        return None
    for holds, name in (
        (state is JobState.PAUSED, "paused"),
        (state is JobState.SCHEDULED, "schedule"),
        (app.get("tenant_state") != "active", "tenant_paused"),
        (app.get("state") == "stopped", "app_stopped"),
        (app.get("state") == "paused", "app_paused"),
        (workers == 0, "no_workers"),
        (bool(app.get("closed")), "egress_limit"),
        (bool(fields.get("gate_shut")), "session"),
        (float(app.get("cool_until") or 0) > now, "upstream_throttle"),
        (bool(fields.get("waits")), _narrowest(fields, app)),
        (bool(app.get("waits")) and "learned" in app, "upstream_throttle"),
        (bool(app.get("waits")), "app_rate"),
        (int(app.get("held") or 0) >= int(app.get("cap") or 1), "max_in_flight"),
    ):
        if holds:
            return name
    return "workers"


def _narrowest(fields: Mapping[str, str], app: Mapping[str, str]) -> str:
    """Which of a job's own limits it waits for: the one whose next permit falls due last."""
    due = {
        "job_rate": float(fields.get("tat") or 0),
        "class_rate": float(app.get(f"class:{fields.get('class')}:tat") or 0),
        "sender_rate": float(fields.get("sender_next") or 0),
    }
    return max(due, key=lambda name: due[name])


def _limit(fields: Mapping[str, str], app: Mapping[str, str]) -> float:
    """Calls a second that the narrowest of the job's limits allows."""
    classes = json.loads(app.get("classes") or "{}")
    of_sender = classes.get("sender") if fields.get("sender") else None
    narrow = (classes.get(fields.get("class")), of_sender, float(fields.get("rate") or 0))
    limits = (float(app.get("rate") or 0), float(app.get("learned") or 0), *narrow)
    return float(min((limit for limit in limits if limit), default=0.0))


def _speed(fields: Mapping[str, str], now: float) -> float:
    """Items a second over about the last ten seconds.

    The mean that `settle` keeps starts at zero; for a young job it is scaled to the part of
    those ten seconds that has been.
    """
    measured_at = float(fields.get("pace_at") or now)
    # Another clock than the store's may be behind it.
    young = max(0.0, measured_at - float(fields.get("started_at") or measured_at)) / 1e7
    seen = max(1 - math.exp(-young), 0.01)
    return float(fields.get("pace") or 0) / seen * math.exp(-max(0.0, now - measured_at) / 1e7)


def pace_in(
    fields: Mapping[str, str], app: Mapping[str, str], workers: int, now: float
) -> dict[str, Any]:
    state = JobState(fields["state"])
    if fields.get("apps"):
        return _pace_of_fleet(fields, workers, now)
    counts = counts_in(fields, state)
    speed = 0.0 if state.terminal else _speed(fields, now)
    limit = _limit(fields, app)
    limited_by = _limited_by(fields, app, workers, now)
    left = counts.pending + counts.in_flight
    throttled = limited_by == "upstream_throttle" and float(app.get("learned") or 0) > 0
    moving = (limited_by in MOVING or throttled) and left > 0
    # Before its first items a job is expected at its limit; one that stands still has no end
    # that could be told.
    expected = speed if "pace_at" in fields else limit
    seconds = left / min(expected, limit) if moving and expected > SLOWEST else None
    return {
        "items_per_s": round(speed, 1),
        "limit_per_s": round(limit, 1) if limit >= 1 else limit,
        "limited_by": limited_by,
        "eta": rfc3339(now + seconds * 1e6) if seconds is not None else None,
    }


def _pace_of_fleet(fields: Mapping[str, str], workers: int, now: float) -> dict[str, Any]:
    """Of a job over many apps, each of which has limits of its own: there is no one limit."""
    state = JobState(fields["state"])
    speed = 0.0 if state.terminal else _speed(fields, now)
    limit = float(fields.get("rate") or 0)
    limited_by = None
    if not state.terminal and state is not JobState.VALIDATING:
        reasons = (
            (state is JobState.PAUSED, "paused"),
            (state is JobState.SCHEDULED, "schedule"),
            (workers == 0, "no_workers"),
            (float(fields.get("release_at") or 0) > now, "soak"),
        )
        limited_by = next((name for holds, name in reasons if holds), "apps")
    return {
        "items_per_s": round(speed, 1),
        "limit_per_s": limit or None,
        "limited_by": limited_by,
        "eta": None,
    }


def _times(fields: Mapping[str, str]) -> dict[str, str | None]:
    """The instants of every job, and `at` and `deadline` of one that has them."""
    names = ["created_at", "validated_at", "started_at", "finished_at"]
    names += [name for name in ("at", "deadline") if fields.get(name)]
    return {name: rfc3339(float(fields[name])) if fields.get(name) else None for name in names}


def job_in(fields: Mapping[str, str], codes: Mapping[str, str], pace: Mapping[str, Any]) -> Job:
    """The document of the contract."""
    state = JobState(fields["state"])
    finished, retention = fields.get("finished_at"), float(fields.get("retention") or 0)
    paused = {"by": fields.get("by", ""), "why": fields.get("why", "")}
    if paused["by"] == PASSING:
        paused["until"] = rfc3339(float(fields["edge"])) or ""
    return Job(
        id=fields["id"],
        kind=fields["kind"],
        tenant=None if fields["tenant"] == SEVERAL else fields["tenant"],
        app=fields["app"] or None,
        state=state,
        version=int(fields.get("version") or 1),
        counts=counts_in(fields, state),
        labels=json.loads(fields.get("labels", "{}")),
        idempotency_key=fields.get("idempotency_key") or None,
        input=json.loads(fields.get("input", "{}")),
        errors_by_code=_codes(codes),
        pace=pace,
        attempts={name: int(fields.get(name) or 0) for name in ("calls", "retries")},
        times=_times(fields),
        results_expire_at=rfc3339(float(finished) + retention * 1e6) if finished else None,
        parent=fields.get("parent") or None,
        paused=paused if state is JobState.PAUSED else None,
        apps=int(fields["apps"]) if fields.get("apps") else None,
        on_unknown=fields.get("on_unknown") or None,
        window=fields.get("window") or None,
        session=_session(fields),
    )


def _session(fields: Mapping[str, str]) -> dict[str, str | None] | None:
    if not fields.get("sender"):
        return None
    told = {name: fields.get(f"session_{name}") or None for name in ("state", "why")}
    return {"sender": fields["sender"], **told}
