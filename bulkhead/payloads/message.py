"""A Celery message as kombu writes it to a Redis list, read without Celery and without trust."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bulkhead.model.when import can_be_written
from bulkhead.payloads.refusal import Refused

LARGEST = 4 * 1024 * 1024
"""Bytes that the body of a message may have, uncompressed."""

LARGEST_RAW = LARGEST * 4 // 3 + 256 * 1024
"""Bytes that such a message may have in its list: base64, and headers with a copy of arguments."""

_LONGEST_NAME = 200
_GZIP = "application/x-gzip"
"""What Celery calls its `gzip`, which is zlib's own form. No other compression is read."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a client asked for. Times are unix seconds."""

    task: str
    id: str
    kwargs: Mapping[str, Any] = field(repr=False)
    priority: int
    eta: float | None
    expires: float | None


def decode(raw: bytes) -> Message:
    """The message in these bytes, protocol 2 or 1. Raises Refused, which quotes none of it."""
    if len(raw) > LARGEST_RAW:
        raise _too_large()
    envelope = _object(raw, "the message")
    properties = _member(envelope, "properties")
    body = _json(_body(envelope, properties), "the body")
    headers, args, kwargs, embed = _parts(envelope, body)
    if args:
        raise _malformed("it has positional arguments", "give everything as keyword arguments")
    if not isinstance(kwargs, dict):
        raise _malformed("its arguments are no object", "send kwargs={…}")
    if any(embed.get(name) for name in ("callbacks", "errbacks", "chain", "chord")):
        raise _malformed("it has callbacks or a chain", "use `notify` to hear of the end")
    return Message(
        task=_text(headers.get("task")),
        # Without one, a message that is read twice would be two jobs.
        id=_text(headers.get("id")),
        kwargs=kwargs,
        priority=_priority(properties.get("priority")),
        eta=_instant(headers.get("eta"), "eta"),
        expires=_instant(headers.get("expires"), "expires"),
    )


def glance(raw: bytes) -> tuple[str, str]:
    """The task's name and id as far as they can be told, empty where not; never raises."""
    if len(raw) > LARGEST_RAW:
        return "", ""
    try:
        headers = _member(_object(raw, "the message"), "headers")
    except Refused:
        return "", ""
    named = (headers.get("task"), headers.get("id"))
    task, identity = (name[:_LONGEST_NAME] if isinstance(name, str) else "" for name in named)
    return _printable(task), _printable(identity)


def _parts(
    envelope: Mapping[str, Any], body: Any
) -> tuple[Mapping[str, Any], Any, Any, Mapping[str, Any]]:
    """Headers, args, kwargs and what Celery calls the embed."""
    headers = _member(envelope, "headers")
    if "task" in headers and isinstance(body, list) and len(body) == 3:
        args, kwargs, embed = body
        return headers, args, kwargs, embed if isinstance(embed, dict) else {}
    if "task" not in headers and isinstance(body, dict) and "task" in body:
        return body, body.get("args"), body.get("kwargs"), body
    raise _malformed("it is no task of Celery", "send it with `send_task` of a Celery client")


def _body(envelope: Mapping[str, Any], properties: Mapping[str, Any]) -> bytes:
    kind = envelope.get("content-type")
    if kind != "application/json":
        raise _malformed("its content type is not application/json", "set the serializer to json")
    body = envelope.get("body")
    if not isinstance(body, str):
        raise _malformed("it has no body", "send it with a Celery client")
    encoded = body.encode("utf-8", "surrogatepass")
    if properties.get("body_encoding") == "base64":
        try:
            encoded = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise _malformed("its body is not base64", "send it with a Celery client") from None
    return _inflated(encoded, _member(envelope, "headers").get("compression"))


def _inflated(body: bytes, compression: object) -> bytes:
    if compression == _GZIP:
        try:
            # Bounded: a small message may hold any number of zeros.
            body = zlib.decompressobj().decompress(body, LARGEST + 1)
        except zlib.error:
            raise _malformed("its body is damaged", "send it again") from None
    elif compression:
        raise _malformed("its compression is not gzip", "send it plain, or with gzip")
    if len(body) > LARGEST:
        raise _too_large()
    return body


def _object(raw: bytes, name: str) -> dict[str, Any]:
    found = _json(raw, name)
    if not isinstance(found, dict):
        raise _malformed(f"{name} is no JSON object", "send it with a Celery client")
    return found


def _json(text: bytes, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        # Not from the cause: it would carry the text.
        raise _malformed(f"{name} is not JSON", "send it with the serializer json") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _member(envelope: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = envelope.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise _malformed("its task or id is no name", "send it with a Celery client")
    if _printable(value) != value:
        raise _malformed("its task or id is no name", "send it with a Celery client")
    return value


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _priority(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _instant(value: object, name: str) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            # Celery writes UTC where it writes no zone.
            instant = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
            if can_be_written(instant):
                return instant
    except (ValueError, OverflowError):
        pass
    raise _malformed(f"its {name} is no time", "let a Celery client set eta, countdown or expires")


def _malformed(why: str, to_do: str) -> Refused:
    return Refused("NOT_A_MESSAGE", "the message cannot be read", why=why, to_do=to_do)


def _too_large() -> Refused:
    return Refused(
        "MESSAGE_TOO_LARGE",
        "the message is too large",
        why=f"a message has at most {LARGEST // 2**20} MiB",
        to_do="send several with the same idempotency_key and `append`, the last with `last`",
    )
