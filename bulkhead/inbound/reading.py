"""A request's body as events, whatever it holds: mesibo documents its own shapes in part only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from bulkhead.inbound.classify import classify
from bulkhead.inbound.event import Delivery, Event, Unreadable
from bulkhead.inbound.value import number, text
from bulkhead.secrets import Secret

MOST_EVENTS = 200
"""Events read of one delivery: to keep more at once would hold up what else the store does."""
MOST_FIELDS = 100
"""Fields of a form."""
DEEPEST = 50
"""Objects and lists inside each other: what is read now must be written, and read again later.
Of an event that is nested deeper only the type is kept."""
FORM = "application/x-www-form-urlencoded"


def read_events(body: bytes, content_type: str = "") -> tuple[Event, ...] | Unreadable:
    """The events that a body holds. Never raises."""
    read = read_delivery(body, content_type)
    return read if isinstance(read, Unreadable) else read.events


def read_delivery(body: bytes, content_type: str = "") -> Delivery | Unreadable:
    """The events with the secret that came with them: JSON whatever it says it is, else a form.

    Never raises.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = _form(body, content_type)
    if isinstance(found, Mapping):
        return _delivery(found)
    if isinstance(found, list):
        return _events(found, {})
    return Unreadable() if found is None else Unreadable("it is JSON, but no object")


def _form(body: bytes, content_type: str) -> dict[str, str] | None:
    if FORM not in content_type.lower() and b"=" not in body:
        return None
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    return dict(pairs) or None


def _too_deep(value: object) -> bool:
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [each for one in inside for each in one if each and isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _delivery(document: Mapping[str, Any]) -> Delivery:
    envelope = dict(document)
    secret = envelope.pop("secret", None)
    written = secret if isinstance(secret, str) else text(secret)
    said = Secret(written) if written else None
    events = envelope.get("events")
    if isinstance(events, list):
        return _events(events, envelope, said)
    if not envelope:
        return Delivery((), said)
    # Neither: the oldest form, or one that nobody has described. Either way one event.
    return _events([events if isinstance(events, Mapping) else envelope], envelope, said)


def _events(
    found: list[Any], envelope: Mapping[str, Any], secret: Secret | None = None
) -> Delivery:
    read = found[:MOST_EVENTS]
    events = tuple(_event(raw, envelope, index) for index, raw in enumerate(read))
    return Delivery(events, secret, beyond=len(found) - len(read))


def _event(raw: object, envelope: Mapping[str, Any], index: int) -> Event:
    # What is no object is kept as the value of one.
    kept = dict(raw) if isinstance(raw, Mapping) else {"value": raw}
    kept.pop("secret", None)
    if _too_deep(kept):
        kept = {"type": text(kept.get("type"))}
    return Event(
        what=classify(kept),
        raw=kept,
        aid=number(envelope.get("aid")),
        id=number(envelope.get("id")),
        at=number(envelope.get("ts")),
        version=number(envelope.get("v")),
        index=index,
    )
