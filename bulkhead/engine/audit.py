"""The audit: who did what that others may have to answer for, in the order it was done."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bulkhead.engine.audit_chain import HASH, KEY, NUMBER, AuditKeys, Fields, Link, Walk
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import NotFound
from bulkhead.model.job import rfc3339

AT_ONCE = 500
OF_EVERY_ENTRY = {"who", "action", *(name.decode() for name in (HASH, NUMBER, KEY))}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was about to be done; `at` is RFC 3339 by the store's clock.

    `number` is its place in the chain, None for an entry from before there was one.
    """

    id: str
    at: str
    who: str
    action: str
    about: Mapping[str, str]
    number: int | None = None
    hash: str = ""


class Audit:
    """Reads what was written down; nothing of it is ever changed. Raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._redis = scripts.redis
        self._name = scripts.key("audit")
        self._head_name = scripts.key("audit", "head")

    def entries(self) -> Iterator[AuditEntry]:
        """Everything that was written down, the oldest first."""
        return (_entry(name, fields) for name, fields in self._raw())

    def newest(self, since: int = 0) -> Iterator[AuditEntry]:
        """The same, the newest first, back to an instant in microseconds."""
        last, first = "+", str(max(0, since) // 1000)
        while found := ask(self._redis.xrevrange, self._name, last, first, count=AT_ONCE):
            yield from (_entry(name, fields) for name, fields in found)
            last = f"({found[-1][0].decode()}"

    def verify(self, keys: AuditKeys, after: str = "", kept: str = "") -> Walk:
        """Follow the chain to its end or to the first entry that does not fit.

        `after` is an entry that is taken as it is, the check begins behind it; `kept` a hash noted
        before, to be met on the way. Raises NotFound if `after` is not in the chain.
        """
        # The end is asked for first: what is added from now on is no misfit.
        walk = Walk(keys, self._head(), kept.encode())
        if after:
            walk.arrive(self._link(after))
        for name, fields in self._raw(after):
            walk.step(name, fields)
            if walk.misfit:
                return walk
        if not walk.head.number and self._head().number >= walk.at.number:
            # Nothing was there to be asked for, and the first entries came since.
            walk.head = walk.at
            walk.arrive(walk.at)
        walk.end()
        return walk

    def _raw(self, after: str = "") -> Iterator[tuple[bytes, Fields]]:
        """Entry by entry as the store has them, in bounded memory."""
        first = f"({after}" if after else "-"
        while found := ask(self._redis.xrange, self._name, min=first, count=AT_ONCE):
            yield from found
            first = f"({found[-1][0].decode()}"

    def _head(self) -> Link:
        hash_, number = ask(self._redis.hmget, self._head_name, "hash", "number")
        return Link(_number(number) or 0, hash_ or b"")

    def _link(self, name: str) -> Link:
        found = ask(self._redis.xrange, self._name, min=name, max=name)
        fields: dict[bytes, bytes] = found[0][1] if found else {}
        number = _number(fields.get(NUMBER))
        if HASH not in fields or number is None:
            raise NotFound(
                f"no entry {name} is in the audit's chain",
                why="it is not there, or it was written before there was a chain",
                to_do="take an `id` that has a `number` from `bulkhead audit list -o json`",
            )
        return Link(number, fields[HASH], name)


def _number(text: bytes | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _entry(name: bytes, fields: Fields) -> AuditEntry:
    # Whoever may write to the store may have put anything here: it is shown all the same.
    told = {_text(each): _text(value) for each, value in fields.items()}
    about = {each: value for each, value in told.items() if each not in OF_EVERY_ENTRY}
    return AuditEntry(
        _text(name),
        _instant(name),
        told.get("who", ""),
        told.get("action", ""),
        about,
        _number(fields.get(NUMBER)),
        told.get("hash", ""),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _instant(name: bytes) -> str:
    try:
        return rfc3339(int(name.partition(b"-")[0]) * 1000) or ""
    except (OverflowError, ValueError, OSError):
        return ""


def who_we_are() -> str:
    """The user that this process runs as, and the host: `ann@host`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
