"""Writes to the audit: each entry hashed together with the one before it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkhead.engine.audit import AT_ONCE, OF_EVERY_ENTRY
from bulkhead.engine.audit_chain import HASH, KEY, NUMBER, AuditKeys
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict
from bulkhead.secrets import utf8

TRIES = 200
"""Times that others may have written between our look and our writing."""

LONGEST_REST = 0.01
"""Seconds between two tries, at most."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is about to be done; a secret has no place in it."""

    action: str
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _End:
    """Where the stream and the chain ended when the store was asked."""

    hash: bytes
    number: int
    last_id: str
    now_ms: int
    key_id: str


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    fields: Mapping[bytes, bytes]


class AuditWriter:
    """Appends to the chain, of which nothing is ever changed. Raises Unreachable, Conflict."""

    def __init__(self, scripts: Scripts, keys: AuditKeys) -> None:
        self._scripts = scripts
        self._keys = keys

    def add(self, action: str, who: str, **about: str) -> None:
        """Write down what is about to be done; a secret has no place in it."""
        self.add_all(who, [Deed(action, about)])

    def add_all(self, who: str, deeds: Sequence[Deed]) -> None:
        """Write down several deeds, an entry each, in this order."""
        for first in range(0, len(deeds), AT_ONCE):
            self._append([_fields(who, deed) for deed in deeds[first : first + AT_ONCE]])

    def _append(self, entries: Sequence[Mapping[bytes, bytes]]) -> None:
        end = self._look()
        for _ in range(TRIES):
            linked = self._linked(end, entries)
            last = linked[-1].fields
            answer = self._scripts.run("audit_append", *_words(end, linked))
            if answer[0] == 1:
                return
            end = _end(answer)
            if end.hash == last[HASH]:
                # It was there already: the answer to an earlier sending was lost.
                return
            time.sleep(random.uniform(0, LONGEST_REST))  # noqa: S311 - no secret
        raise Conflict(
            "the audit could not be written, so nothing was done",
            why=f"others wrote to it in each of {TRIES} moments that we tried",
            to_do="run the command again",
        )

    def _look(self) -> _End:
        return _end(self._scripts.run("audit_append"))

    def _linked(self, end: _End, entries: Sequence[Mapping[bytes, bytes]]) -> list[_Entry]:
        """The entries as they follow that end, each with its id, number, key and hash."""
        last_ms, _, last_sequence = end.last_id.partition("-")
        instant, sequence = end.now_ms, 0
        if instant <= int(last_ms):
            # Two in a millisecond, or a clock that was set back.
            instant, sequence = int(last_ms), int(last_sequence) + 1
        key_id, before, linked = self._keys.choose(end.key_id), end.hash, []
        for place, given in enumerate(entries):
            name, number = f"{instant}-{sequence + place}", end.number + 1 + place
            fields = {**given, NUMBER: str(number).encode(), KEY: key_id.encode()}
            before = self._keys.hash(key_id, before, name.encode(), fields) or b""
            linked.append(_Entry(name, {**fields, HASH: before}))
        return linked


def _fields(who: str, deed: Deed) -> dict[bytes, bytes]:
    taken = OF_EVERY_ENTRY & set(deed.about)
    if taken:
        raise ValueError(f"an entry has {', '.join(sorted(taken))} already")
    texts = {"who": who, "action": deed.action, **deed.about}
    return {name.encode(): utf8(text) for name, text in texts.items()}


def _words(end: _End, linked: Sequence[_Entry]) -> list[Any]:
    last = linked[-1].fields
    words: list[Any] = [end.hash, end.last_id, last[HASH], last[NUMBER]]
    for entry in linked:
        texts = [text for pair in entry.fields.items() for text in pair]
        words += [entry.id, len(texts), *texts]
    return words


def _end(answer: Sequence[Any]) -> _End:
    hash_, number, last_id, now_ms, key_id = answer[1:]
    return _End(hash_, int(number), last_id.decode(), int(now_ms), key_id.decode())
