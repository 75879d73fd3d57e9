"""Read a backend call out of a request body, JSON or multipart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

LONGEST_KEY = 256  # characters kept on record of what a call was about

_CONTAINERS = {
    "user": ("address", "uid"),
    "otp": ("address",),
    "push": ("address",),
    "group": ("gid", "name"),
    "message": ("to", "gid"),
}
_FLAT = ("address", "addr", "uid", "gid")


class NotACall(ValueError):
    """The body is neither a JSON object nor a form."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as asked for: `key` is whom or what it is about, or empty."""

    op: str
    token: str = field(repr=False)
    key: str
    body: dict[str, Any] = field(repr=False)

    @property
    def envelope(self) -> dict[str, Any]:
        """What every answer repeats: the op, and the id if a number or text was sent."""
        number = self.body.get("id")
        if isinstance(number, (int, float, str)):
            return {"op": self.op, "id": number}
        return {"op": self.op}


def read_call(body: bytes, content_type: str) -> Call:
    """The call in a request's body; raises NotACall."""
    if content_type.startswith("multipart/"):
        document = _form(body, content_type)
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
        key=_key(document),
        body=document,
    )


def _key(document: dict[str, Any]) -> str:
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


def _form(body: bytes, content_type: str) -> dict[str, Any]:
    """A form's text fields; a file is kept as its name alone."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts: list[Message] = [part for part in message.walk() if not part.is_multipart()]
    fields: dict[str, Any] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = part.get_filename() or payload.decode("utf-8", "replace")
    if "op" not in fields:
        raise NotACall("a form without op")
    return fields
