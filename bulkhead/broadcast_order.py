"""A broadcast as a program or a message asks for it, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from bulkhead.broadcasting import Order, Ordered, parts_of, prepare
from bulkhead.engine.script import Scripts
from bulkhead.model.app import parse_duration
from bulkhead.model.broadcast import EXPIRY, Letter, given_variables, whole_seconds
from bulkhead.model.enclosure import NAMELESS, Enclosure
from bulkhead.model.fitting import require
from bulkhead.model.way import BACKEND
from bulkhead.ordering import Options
from bulkhead.sent_file import enclose

OF_A_BROADCAST = (
    *("sender", "groups", "users", "message", "url", "title", "expiry", "variables"),
    *("max_recipients", "chunk", "hold", "force_late", "via", "on_no_session", "file"),
)
"""What is asked for by name, beside the app and what every job may be."""


def order(scripts: Scripts, app: str, asked: Mapping[str, Any], options: Options) -> Ordered:
    """The broadcast that these words ask for; its recipients are read when it is submitted.

    Raises InvalidInput, NotFound (app) and NotPermitted (sender).
    """
    content, enclosure = _file(asked.get("file"))
    most, chunk = _count(asked, "max_recipients"), _count(asked, "chunk")
    require(most is None or most >= 1, "max_recipients", "1 or more")
    wanted = Order(
        app,
        _letter(asked, enclosure),
        max_recipients=most,
        chunk=1 if chunk is None else chunk,
        hold=bool(asked.get("hold")),
        force_late=bool(asked.get("force_late")),
        file=content,
        no_session=_text(asked, "on_no_session"),
    )
    lists = [_list(name, asked.get(name)) for name in ("groups", "users")]
    return prepare(scripts, wanted, parts_of(*lists), options)


def _letter(asked: Mapping[str, Any], file: Enclosure | None) -> Letter:
    texts = {name: _text(asked, name) for name in ("sender", "message", "url", "title")}
    variables = asked.get("variables") or {}
    require(isinstance(variables, Mapping), "variables", "a mapping of names to text")
    return Letter(
        **texts,
        expiry=_seconds(asked.get("expiry")),
        given=given_variables({str(name): str(value) for name, value in variables.items()}),
        via=_text(asked, "via") or BACKEND,
        file=file,
    )


def _text(asked: Mapping[str, Any], name: str) -> str:
    text = asked.get(name) or ""
    require(isinstance(text, str), name, "text")
    return str(text)


def _file(given: Any) -> tuple[bytes, Enclosure | None]:
    """The bytes of a file, and what the letter says of it. Raises InvalidInput."""
    if given is None:
        return b"", None
    require(isinstance(given, str | bytes | PathLike), "file", "a path, or the content as bytes")
    if isinstance(given, bytes):
        return given, Enclosure.of(given, NAMELESS)
    return enclose(fspath(given))


def _count(asked: Mapping[str, Any], name: str) -> int | None:
    number = asked.get(name)
    fits = number is None or (isinstance(number, int) and not isinstance(number, bool))
    require(fits, name, "a whole number")
    return number


def _seconds(expiry: Any) -> int:
    if expiry is None:
        return EXPIRY
    if isinstance(expiry, str):
        return whole_seconds(parse_duration(expiry))
    number = isinstance(expiry, int | float) and not isinstance(expiry, bool)
    require(number, "expiry", "seconds, or text such as 6h")
    return whole_seconds(expiry)


def _list(name: str, found: Any) -> Iterable[object]:
    if found is None:
        return ()
    one = isinstance(found, str | bytes | Mapping) or not isinstance(found, Iterable)
    require(not one, name, "a list, also of one")
    return () if isinstance(found, list | tuple) and not found else found
