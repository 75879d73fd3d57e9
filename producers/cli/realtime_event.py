"""What a session hears, as the JSON lines of `realtime listen`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkhead.errors import UsageProblem
from bulkhead.model.job import rfc3339

KINDS = ("connection", "message", "status", "update", "presence", "call", "e2e", "ended")
"""The kinds of events that there are."""


def kinds_of(text: str | None) -> frozenset[str]:
    """The kinds that are wanted: all, unless some are named. Raises UsageProblem."""
    if text is None:
        return frozenset(KINDS)
    named = frozenset(one.strip() for one in text.split(","))
    unknown = sorted(named - frozenset(KINDS))
    if unknown:
        raise UsageProblem(
            f"{unknown[0]!r} is no kind of event",
            why=f"there are {', '.join(KINDS)}",
            to_do="write them like --only message,status",
        )
    return named


def line_of(event: Mapping[str, Any]) -> str:
    """The event as one line of JSON: when it was heard, what it is, and all that was told."""
    told = dict(event)
    at, kind = told.pop("at_ms", None), told.pop("kind", "")
    shown = {"at": rfc3339(at * 1000) if at is not None else None, "event": kind, **told}
    return json.dumps(shown, ensure_ascii=False)
