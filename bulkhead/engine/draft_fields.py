"""The fields of a job as it is sealed: what was asked for, and what its rows came to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.request import Request
from bulkhead.model.job import PRIORITIES
from bulkhead.model.kind import joined, operation_class, repeats
from bulkhead.model.sender_session import WAIT
from bulkhead.model.unknown import HOLD
from bulkhead.model.window import window_fields

RETENTION = 30 * 86400
"""Seconds that a finished job and its results are kept."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a draft came to when the last was read."""

    total: int
    failed: int
    skipped: int
    segments: int
    digest: bytes
    """Of all of them."""
    at: float
    """Unix seconds."""


def job_fields(request: Request, rows: Rows, described: Mapping[str, Any]) -> dict[str, str]:
    """The job's hash, but for what the store writes itself; `described` is its `input`."""
    return {
        "kind": request.kind,
        "tenant": request.tenant,
        "app": request.app,
        **repeats(request.kind, request.repeat),
        **joined(request.kind, request.join),
        "weight": str(PRIORITIES[request.priority or "normal"]),
        "class": operation_class(request.kind, str(request.params.get("op", ""))),
        "rate": f"{request.rate:.12g}" if request.rate else "",
        **_counted(rows),
        **_content(request),
        "input": json.dumps(dict(described), ensure_ascii=False),
        "idempotency_key": request.idempotency_key,
        "digest": _digest(request, rows),
        "retention": str(RETENTION),
        **_patience(request, rows.total),
        "parent": request.parent,
        "notify": request.notify,
        **_seldom(request),
        **window_fields(request.window, rows.at),
        **({"apps": str(rows.total), **request.waves.to_fields()} if request.waves else {}),
    }


def _counted(rows: Rows) -> dict[str, str]:
    return {
        "total": str(rows.total),
        "failed": str(rows.failed),
        # `failed` goes on rising; this is what was never to be sent.
        "refused": str(rows.failed),
        "skipped": str(rows.skipped),
        "segments": str(rows.segments),
    }


def _content(request: Request) -> dict[str, str]:
    return {
        "columns": json.dumps(list(request.columns), ensure_ascii=False),
        "mapping": json.dumps(dict(request.mapping)),
        "params": json.dumps(dict(request.params), ensure_ascii=False),
        "labels": json.dumps(dict(request.labels), ensure_ascii=False),
    }


def _patience(request: Request, total: int) -> dict[str, str]:
    return {
        "max_attempts": str(request.max_attempts or ""),
        "retry_first": str(request.retry_first or ""),
        "retry_longest": str(request.retry_longest or ""),
        "retry_give_up_after": str(request.give_up_after or ""),
        "max_failures": _most(request.max_failures, total),
        # For a retry: a part of its rows is another number.
        "max_failures_asked": request.max_failures,
        "at": _micros(request.at),
        "deadline": _micros(request.deadline),
    }


def _seldom(request: Request) -> dict[str, str]:
    """What most jobs have not: a script takes a field that is there for a wish."""
    return {
        **({"hold": "1"} if request.hold else {}),
        **({"file": str(len(request.file))} if request.file else {}),
        **({"on_unknown": request.policy} if request.policy != HOLD else {}),
        **({"sender": request.sender} if request.sender else {}),
        **({"no_session": request.no_session or WAIT} if request.sender else {}),
    }


def _digest(request: Request, rows: Rows) -> str:
    """What tells one order from another under the same idempotency key."""
    asked: list[object] = [request.kind, request.app, dict(request.params), dict(request.mapping)]
    if request.policy != HOLD:
        asked.append(request.policy)
    if request.sender:
        asked.append(["realtime", request.sender, request.no_session or WAIT])
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    digest.update(request.content.encode() or rows.digest)
    return digest.hexdigest()


def _most(asked: str, total: int) -> str:
    """The number of failed items that is still borne, or empty for any number."""
    if asked.endswith("%"):
        return str(int(total * float(asked[:-1]) / 100))
    return asked


def _micros(seconds: float | None) -> str:
    return "" if seconds is None else str(round(seconds * 1e6))
