"""Read a backend call out of a request body, JSON or multipart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.form import File, NotAForm, read_form

LONGEST_KEY = 256  # characters kept on record of what a call was about
LONGEST_GID = 10  # digits

_CONTAINERS = {
    "user": ("address", "uid"),
    "otp": ("address",),
    "push": ("address",),
    "group": ("gid", "name"),
}
_FLAT = ("address", "addr", "uid", "gid")


class NotACall(ValueError):
    """The body is neither a JSON object nor a form."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as asked for at the unix second `t`.

    `key` is whom or what it is about: an address, a gid, the recipients of a message or `gid:`
    and its group's, the sha256 of a file; or empty.
    """

    op: str
    token: str = field(repr=False)
    key: str
    body: dict[str, Any] = field(repr=False)
    t: float = 0.0
    file: File | None = None

    @property
    def envelope(self) -> dict[str, Any]:
        """What every answer repeats: the op, and the id if a number or text was sent."""
        number = self.body.get("id")
        if isinstance(number, (int, float, str)):
            return {"op": self.op, "id": number}
        return {"op": self.op}


def read_call(body: bytes, content_type: str, t: float = 0.0) -> Call:
    """The call in a request's body; raises NotACall."""
    file = None
    if content_type.startswith("multipart/"):
        document, file = _form(body, content_type)
    else:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotACall("not JSON") from error
    if not isinstance(document, dict):
        raise NotACall("not a JSON object")
    op, token = document.get("op"), document.get("token")
    return Call(
        op=op if isinstance(op, str) else "",
        token=token if isinstance(token, str) else "",
        key=_key(document) if file is None else hashlib.sha256(file.content).hexdigest(),
        body=document,
        t=t,
        file=file,
    )


def _form(body: bytes, content_type: str) -> tuple[dict[str, Any], File | None]:
    try:
        texts, file = read_form(body, content_type)
    except NotAForm as error:
        raise NotACall("not a form") from error
    if "op" not in texts:
        raise NotACall("a form without op")
    return {**texts}, file


def group_in(message: dict[str, Any]) -> int | None:
    """The gid a message is for, 0 if it is for people, None if what stands there is no gid."""
    gid = message.get("gid") or 0
    if isinstance(gid, str) and gid.isascii() and gid.isdecimal() and len(gid) <= LONGEST_GID:
        gid = int(gid)
    return gid if isinstance(gid, int) and gid >= 0 else None


def _key(document: dict[str, Any]) -> str:
    message = document.get("message")
    if isinstance(message, dict) or document.get("op") == "message":
        message = message if isinstance(message, dict) else document
        gid = group_in(message)
        return f"gid:{gid}" if gid else _first(message, ("to",))
    for container, names in _CONTAINERS.items():
        inner = document.get(container)
        if isinstance(inner, dict):
            return _first(inner, names)
    return _first(document, _FLAT)


def _first(members: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = members.get(name)
        if isinstance(value, str):
            return value[:LONGEST_KEY]
        if isinstance(value, int):
            return str(value)[:LONGEST_KEY]
    return ""
