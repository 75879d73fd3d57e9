"""Dead letters: messages of the front door that were refused, with the reason."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import Conflict, NotFound
from bulkhead.model.job import rfc3339

MOST, MOST_BYTES, OLDEST = 10_000, 64 * 1024 * 1024, 30 * 86400
"""Messages, bytes of them (compressed) and seconds that are kept."""

LARGEST_KEPT = 6 * 1024 * 1024
"""Bytes; of a longer message only the reason is kept."""

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is known of a refused message: never its content."""

    id: str
    code: str
    what: str
    why: str
    to_do: str
    task: str
    task_id: str
    app: str
    size: int
    kept: bool
    at: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The document as the command shows it."""
        return asdict(self)


def letter_id(raw: bytes) -> str:
    """The id of this message among the dead: the same bytes, the same id."""
    return "dead_" + hashlib.blake2b(raw, digest_size=10).hexdigest()


class DeadLetters:
    """Keeps refused messages for a month. Raises NotFound, Conflict, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._key = scripts.key

    def bury(self, letter: DeadLetter, raw: bytes) -> None:
        """Keep the reason, and the message where `letter.kept`. Twice is once."""
        known = {name: value for name, value in letter.to_dict().items() if name != "at"}
        about = json.dumps(known, ensure_ascii=False).encode("utf-8", "replace")
        self._run("add", letter.id, about, zlib.compress(raw, 1) if letter.kept else b"")

    def trim(self) -> int:
        """Forget what is too old; how many that were."""
        return self._run("trim")

    def list(self) -> Iterator[DeadLetter]:
        """Every dead letter, newest first."""
        self.trim()
        start = 0
        while True:
            stop = start + AT_ONCE - 1
            redis = self._scripts.redis
            found = ask(redis.zrevrange, self._key("dead"), start, stop, withscores=True)
            if not found:
                return
            names = [name for name, _ in found]
            told = ask(redis.hmget, self._key("dead", "about"), names)
            for (_, at), about in zip(found, told, strict=True):
                if about is not None:
                    yield _letter(about, at)
            start += AT_ONCE

    def get(self, letter: str) -> DeadLetter:
        """One dead letter. Raises NotFound."""
        about = ask(self._scripts.redis.hget, self._key("dead", "about"), letter)
        at = self._buried_at(letter)
        if about is None or at is None:
            raise NotFound(
                f"there is no dead letter {letter}",
                why="no refused message has this id, or it was dropped, retried or is too old",
                to_do="see `bulkhead submissions dead list`",
            )
        return _letter(about, at)

    def message(self, letter: str) -> bytes:
        """The message as it came. Raises NotFound, or Conflict where it was too long to keep."""
        self.get(letter)
        kept = ask(self._scripts.redis.hget, self._key("dead", "kept"), letter)
        if kept is None:
            raise Conflict(
                f"the message of {letter} was not kept",
                why=f"it has more than {LARGEST_KEPT // 2**20} MiB; only the reason is here",
                to_do="let its sender send it again, in parts",
            )
        return zlib.decompress(kept)

    def drop(self, letter: str) -> DeadLetter:
        """Forget one; what it was."""
        found = self.get(letter)
        self._run("drop", letter)
        return found

    def retry(self, letter: str, put: Callable[[bytes], None]) -> DeadLetter:
        """Hand the message to `put`, then forget it, unless it is refused and kept anew by then."""
        found, score = self.get(letter), self._buried_at(letter)
        put(self.message(letter))
        self._run("drop", letter, f"{score:.0f}".encode())
        return found

    def _buried_at(self, letter: str) -> float | None:
        at: float | None = ask(self._scripts.redis.zscore, self._key("dead"), letter)
        return at

    def _run(self, verb: str, letter: str = "", about: bytes = b"", kept: bytes = b"") -> int:
        limits = (MOST, MOST_BYTES, OLDEST)
        return int(self._scripts.run("bury", verb, letter, about, kept, *limits))


def _letter(about: bytes, at: float) -> DeadLetter:
    return DeadLetter(**json.loads(about), at=rfc3339(at))
