"""What the operator has said about mesibo's words, and which words were heard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from bulkhead.backend.words import WordClass, plain, shown
from bulkhead.engine.script import Scripts, trouble
from bulkhead.errors import InvalidInput
from bulkhead.model.job import rfc3339

MOST = 200
"""Words that are kept, of all apps together; the one not heard for the longest time goes."""

LONGEST_MAPPED = 200
"""Characters: as many as are read of mesibo's answer."""

MEANINGS = tuple(meaning for meaning in WordClass if meaning is not WordClass.UNLISTED)


@dataclass(frozen=True, slots=True)
class Heard:
    """A word that an app's backend refused with, as often as its workers have said so far."""

    app: str
    word: str
    op: str
    count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A word of one app since it was first heard; times are RFC 3339, `op` is an example."""

    app: str
    word: str
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
        kept = self._do(self._redis.hgetall, self._scripts.key("words"))
        known = {meaning.value: meaning for meaning in MEANINGS}
        found = {word.decode(): known.get(name.decode()) for word, name in kept.items()}
        return {word: meaning for word, meaning in sorted(found.items()) if meaning}

    def map(self, word: str, meaning: WordClass) -> str:
        """Let the word mean this from now on: the word as it is compared. Raises InvalidInput."""
        compared = _comparable(word)
        if compared == "TOKENBREACH":
            raise InvalidInput(
                "TOKENBREACH cannot mean anything else",
                why="mesibo has disabled the app, and each further call makes it worse",
                to_do="see `bulkhead apps show APP`",
            )
        self._do(self._redis.hset, self._scripts.key("words"), compared, meaning.value)
        return compared

    def forget(self, word: str) -> str:
        """Leave the word to the list and to guesses again: the word as it is compared."""
        compared = _comparable(word)
        self._do(self._redis.hdel, self._scripts.key("words"), compared)
        return compared

    def count(self, heard: Iterable[Heard]) -> None:
        """Add to what was seen; of a word at most 64 characters, and nothing like a token."""
        entries = [[one.app, shown(one.word), one.op, one.count] for one in heard]
        if entries:
            self._scripts.run("hear", MOST, json.dumps(entries))

    def seen(self) -> list[Seen]:
        """The words there are, the one heard last first."""
        kept = self._do(self._redis.hgetall, self._scripts.key("unlisted"))
        found = [_seen(name.decode(), json.loads(fields)) for name, fields in kept.items()]
        return sorted(found, key=lambda seen: (seen.last_seen, seen.app, seen.word), reverse=True)

    def _do(self, command: Any, *args: Any) -> Any:
        try:
            return command(*args)
        except RedisError as error:
            raise trouble(error) from error


def _seen(name: str, fields: dict[str, Any]) -> Seen:
    app, _, word = name.partition(" ")
    first, last = (rfc3339(float(fields[end])) or "" for end in ("first", "last"))
    return Seen(app, word, str(fields["op"]), int(fields["count"]), first, last)


def _comparable(word: str) -> str:
    compared = plain(word)
    if not compared or len(compared) > LONGEST_MAPPED:
        raise InvalidInput(
            f"{shown(word)!r} is not a word",
            why=f"a word has letters or digits, and at most {LONGEST_MAPPED} of them",
            to_do="copy it from `bulkhead errors list --words`",
        )
    return compared
