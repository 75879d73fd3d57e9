"""What the operator has said about mesibo's words, and which words were heard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bulkhead.backend.words import Source, WordClass, Words, plain, shown
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import InvalidInput
from bulkhead.model.job import rfc3339

MOST = 200
"""Words that are kept, of all apps together; the one not heard for the longest time goes."""

LONGEST_MAPPED = 200
"""Characters: as many as are read of mesibo's answer."""

CLASSES = {kind.value: kind for kind in WordClass if kind is not WordClass.UNLISTED}
"""What an operator can say of a word."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word that an app's backend refused with, as often as its workers have said so far."""

    app: str
    word: str
    op: str
    count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A word of one app since it was first heard; times are RFC 3339, `op` is an example.

    `meaning` is what is made of it now, and `by` who says so: `operator`, `list` or `guess`.
    """

    app: str
    word: str
    meaning: str
    by: str
    op: str
    count: int
    first_seen: str
    last_seen: str


class WordBook:
    """Every method raises Unreachable when the store is away."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def said(self) -> dict[str, WordClass]:
        """What the operator has said, by word as it is compared."""
        kept = ask(self._redis.hgetall, self._scripts.key("words"))
        found = {word.decode(): CLASSES.get(name.decode()) for word, name in kept.items()}
        return {word: meaning for word, meaning in sorted(found.items()) if meaning}

    def map(self, word: str, meaning: str) -> str:
        """Let the word mean this class: the word as it is compared. Raises InvalidInput."""
        compared, meaning = checked(word, meaning)
        ask(self._redis.hset, self._scripts.key("words"), compared, meaning)
        return compared

    def forget(self, word: str) -> str:
        """Leave the word to the list and to guesses again: the word as it is compared."""
        compared = comparable(word)
        ask(self._redis.hdel, self._scripts.key("words"), compared)
        return compared

    def count(self, heard: Iterable[Heard]) -> None:
        """Add to what was seen; of a word at most 64 characters, and nothing like a token."""
        entries = [[one.app, shown(one.word), one.op, one.count] for one in heard]
        if entries:
            self._scripts.run("hear", MOST, json.dumps(entries))

    def seen(self) -> list[Seen]:
        """The words there are, the one heard last first."""
        kept = ask(self._redis.hgetall, self._scripts.key("unlisted"))
        words = Words(self.said())
        found = [_seen(name.decode(), json.loads(fields), words) for name, fields in kept.items()]
        return sorted(found, key=lambda seen: (seen.last_seen, seen.app, seen.word), reverse=True)

    def unlisted(self) -> list[Seen]:
        """Those words of `seen` that neither our list nor the operator has."""
        return [seen for seen in self.seen() if seen.by == Source.GUESS.value]

    def explain(self, word: str) -> tuple[str, str]:
        """What is made of a word now, and who says so."""
        meaning, source = Words(self.said()).explain(word)
        return meaning.value, source.value


def _seen(name: str, fields: dict[str, Any], words: Words) -> Seen:
    app, _, word = name.partition(" ")
    meaning, source = words.explain(word)
    first, last = (rfc3339(float(fields[end])) or "" for end in ("first", "last"))
    return Seen(
        app=app,
        word=word,
        meaning=meaning.value,
        by=source.value,
        op=str(fields["op"]),
        count=int(fields["count"]),
        first_seen=first,
        last_seen=last,
    )


def checked(word: str, meaning: str) -> tuple[str, str]:
    """The word as it is compared, and its class. Raises InvalidInput where that cannot be said."""
    compared = comparable(word)
    if compared == "TOKENBREACH":
        raise InvalidInput(
            "TOKENBREACH cannot mean anything else",
            why="mesibo has disabled the app, and each further call makes it worse",
            to_do="see `bulkhead apps show APP`",
        )
    if meaning not in CLASSES:
        raise InvalidInput(
            f"{meaning!r} is not a class",
            why=f"a word means one of {', '.join(CLASSES)}",
            to_do="write it like `bulkhead errors map ROOMFULL=throttled`",
        )
    return compared, meaning


def comparable(word: str) -> str:
    """The word as it is compared. Raises InvalidInput if nothing of it is a word."""
    compared = plain(word)
    if not compared or len(compared) > LONGEST_MAPPED:
        raise InvalidInput(
            f"{shown(word)!r} is not a word",
            why=f"a word has letters or digits, and at most {LONGEST_MAPPED} of them",
            to_do="copy it from `bulkhead errors list --words`",
        )
    return compared


def tellable(word: str) -> str:
    """The word as it may be written down: at most 64 characters, and nothing like a token."""
    return shown(word)
