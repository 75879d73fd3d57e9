"""What a session hears, as the JSON lines of `realtime listen`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkhead.errors import UsageProblem
from bulkhead.model.job import rfc3339
from bulkhead.model.realtime import message_word

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
    at, kind, sent = told.pop("at_ms", 0), told.pop("kind", ""), told.pop("sent_ms", 0)
    shown = {
        "at": _instant(at),
        "event": kind,
        **told,
        **({"sent_at": _instant(sent)} if sent else {}),
    }
    return json.dumps(shown, ensure_ascii=False)


def stored(message: Mapping[str, Any]) -> dict[str, Any]:
    """A stored message as `realtime history` shows it."""
    told = {name: value for name, value in message.items() if name not in ("at_ms", "stored")}
    word = message_word(message["status"]) if "status" in message else ""
    return {"at": _instant(message.get("at_ms", 0)), **told, "word": word}


def _instant(milliseconds: int) -> str | None:
    return rfc3339(milliseconds * 1000) if milliseconds else None
