"""What one event says, by its type, or else by what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkhead.inbound.event import MessageStatus, Other, Presence, PushResult, What
from bulkhead.inbound.value import (
    LONGEST_TEXT,
    members,
    message_status,
    number,
    online,
    text,
    truth,
)

FLAT = frozenset({"uid", "aid", "from", "to", "e"})
"""Members of the oldest form, in which a delivery is one event without an envelope."""
_ONLINE, _OFFLINE, _MESSAGE = 0x10, 0x20, 0x100
_PUSHES = frozenset({"push", "pushresult", "pushnotification", "pushtest", "notification"})


def classify(raw: Mapping[str, Any]) -> What:
    """What the event says; `Other` for whatever is not known. Never raises."""
    kind = text(raw.get("type"))
    plain = kind.lower().replace("_", "").replace("-", "")
    if plain in _PUSHES or isinstance(raw.get("push"), Mapping):
        return _push(raw)
    if plain == "message" or (not plain and isinstance(raw.get("message"), Mapping)):
        return _message(raw)
    if plain == "user" or (not plain and isinstance(raw.get("user"), Mapping)):
        return _presence(raw)
    if not plain and is_flat(raw):
        return _flat(raw)
    return Other(kind)


def is_flat(raw: Mapping[str, Any]) -> bool:
    """Whether an object is an event of the oldest form."""
    return "e" in raw and len(FLAT & raw.keys()) > 1


def _push(raw: Mapping[str, Any]) -> PushResult:
    push, user = members(raw.get("push")), members(raw.get("user"))
    code = number(push.get("code"), push.get("status"), raw.get("code"))
    ok = truth(push.get("result"), raw.get("result"), push.get("status"), raw.get("status"))
    if ok is None and code is not None and 200 <= code <= 599:
        # Both push services answer with a status of HTTP.
        ok = code < 300
    return PushResult(
        address=text(user.get("address"), push.get("address"), raw.get("address"), raw.get("to")),
        uid=number(user.get("uid"), push.get("uid"), raw.get("uid")),
        service=text(push.get("service"), push.get("type"), raw.get("service")).lower(),
        ok=ok,
        code=code,
        response=_words(push.get("response"), push.get("error"), raw.get("response")),
    )


def _message(raw: Mapping[str, Any]) -> MessageStatus:
    message, user = members(raw.get("message")), members(raw.get("user"))
    status, code = message_status(raw.get("status", message.get("status")))
    return MessageStatus(
        mid=number(message.get("mid"), message.get("id"), raw.get("mid")),
        sender=text(message.get("from"), raw.get("from")),
        to=text(message.get("to"), message.get("address"), raw.get("to"), user.get("address")),
        gid=number(message.get("gid"), message.get("groupid"), raw.get("gid")),
        status=status,
        code=code,
    )


def _presence(raw: Mapping[str, Any]) -> Presence:
    user = members(raw.get("user"))
    said = raw.get("status", user.get("status"))
    return Presence(
        address=text(user.get("address"), raw.get("address")),
        uid=number(user.get("uid"), raw.get("uid")),
        online=online(said),
    )


def _flat(raw: Mapping[str, Any]) -> What:
    bits = number(raw.get("e")) or 0
    if bits & _MESSAGE:
        return _message(raw)
    if bits & (_ONLINE | _OFFLINE):
        there = bool(bits & _ONLINE)
        return Presence(text(raw.get("from"), raw.get("to")), number(raw.get("uid")), there)
    return Other("")


def _words(*values: object) -> str:
    for value in values:
        if isinstance(value, str) and value:
            return value[:LONGEST_TEXT]
        if isinstance(value, Mapping | list) and value:
            return json.dumps(value)[:LONGEST_TEXT]
    return ""
