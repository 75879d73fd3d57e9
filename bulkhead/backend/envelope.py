"""What is around every call: how a request is written, and how an answer is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.backend.form import Body, written
from bulkhead.backend.reply import Answer
from bulkhead.secrets import Secret

ONPREM_BODY_LIMIT = 8_192
"""Bytes that an on-premise backend's web server accepts in a request body."""

_LONGEST_WORD = 200
_LARGEST_NUMBER = 2**64
_NUMBERS = ("mid", "gid", "uid")
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
LONGEST_TOKEN = 4_096
"""Characters that a user token may have; a longer one is not believed."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """mesibo said yes. `details` has `mid`, `gid` or `uid` as numbers, never a user's token."""

    details: Mapping[str, int]
    issued: Secret | None = None
    listed: tuple[str, ...] | None = None
    """The addresses of a list of users, if there is one that can be read."""
    groups: tuple[tuple[int, str], ...] | None = None
    """Gid and name of a list of groups, if there is one that can be read."""


@dataclass(frozen=True, slots=True)
class Declined:
    """mesibo said no, with a word that may be empty."""

    word: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Nothing in the answer says yes or no."""

    why: str


Reading = Accepted | Declined | Unusable


def body(call: Call, token: Secret) -> Body:
    """The request body, the only place where an app token travels: JSON, or a form with a file.

    Raises ValueError or TypeError for members that JSON or UTF-8 cannot carry.
    """
    if call.upload is not None:
        texts = {"op": call.op, "token": token.reveal(), **call.members}
        return written(texts, call.upload)
    return _ENCODE({"op": call.op, "token": token.reveal(), **call.members}).encode()


def read(answer: Answer, token: Secret) -> Reading:
    """What an answer says, decided on its `result` and never on the HTTP status.

    The app token is taken out of a word that repeats it.
    """
    content = _object(answer)
    if isinstance(content, Unusable):
        return content
    result = content.get("result")
    # Older backends answer with numbers, and with numbers as text.
    if result in (1, "1"):
        details = MappingProxyType(dict(_numbers(content)))
        lists = _listed(content.get("users")), _groups(content.get("groups"))
        return Accepted(details, _issued(content), *lists)
    if result in (0, "0"):
        return Declined(_word(content.get("error"), token))
    return Unusable("no result in it")


def _object(answer: Answer) -> Mapping[str, Any] | Unusable:
    if 300 <= answer.status < 400:
        return Unusable("a redirect, which is never followed")
    if not answer.whole:
        return Unusable("an answer too large to be read")
    if not answer.body.strip():
        return Unusable("an empty answer")
    try:
        content = json.loads(_text(answer.body))
    except (ValueError, RecursionError):
        return Unusable("not JSON, or cut short")
    return content if isinstance(content, dict) else Unusable("JSON, but not an object")


def _text(body: bytes) -> str | bytes:
    """The text where it plainly is UTF-8; else json finds out what it is, which takes longer."""
    if body[:1] != b"{" or body[1:2] == b"\0":
        return body
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _word(error: Any, token: Secret) -> str:
    text = error if isinstance(error, str) else "" if error is None else json.dumps(error)
    scrubbed = token.scrub(text)[:_LONGEST_WORD]
    return "".join(sign if sign.isprintable() else "?" for sign in scrubbed)


def _numbers(content: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for place in (content.get("user"), content.get("group"), content.get("message"), content):
        if not isinstance(place, dict):
            continue
        for name in _NUMBERS:
            number = _number(place[name]) if name in place else None
            if number is not None:
                yield name, number


def _issued(content: Mapping[str, Any]) -> Secret | None:
    user = content.get("user")
    token = user.get("token") if isinstance(user, Mapping) else None
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN:
        return None
    # What no UTF-8 carries could not be kept, and would end the report of all that ran beside it.
    return Secret(token) if token.isprintable() else None


def _listed(users: Any) -> tuple[str, ...] | None:
    if not isinstance(users, list):
        return None
    addresses = [row.get("address") if isinstance(row, Mapping) else None for row in users]
    known = tuple(address for address in addresses if isinstance(address, str))
    return known if len(known) == len(users) else None


def _groups(groups: Any) -> tuple[tuple[int, str], ...] | None:
    if not isinstance(groups, list):
        return None
    rows = [row if isinstance(row, Mapping) else {} for row in groups]
    told = [(_number(row.get("gid")), row.get("name", "")) for row in rows]
    known = tuple((gid, str(name or "")) for gid, name in told if gid is not None)
    return known if len(known) == len(groups) else None


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_NUMBER:
        return value
    return None
