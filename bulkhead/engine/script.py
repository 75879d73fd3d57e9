"""The Lua scripts, joined: clock, prelude, what else a verb needs, and the verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import (
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from bulkhead.engine.replicas import Replicas
from bulkhead.errors import BulkheadError, StoreFull, Unreachable

ROOT = "{bulkhead}"
"""All keys share this hash tag, so that a cluster would keep them together."""

FOLDER = Path(__file__).parent / "scripts"
CLOCK = FOLDER / "clock.lua"
WORK = ("gate", "limiter", "fair", "place", "lease", "unsure", "waves", "window", "job")
PRELUDE_ONLY: tuple[str, ...] = ()
WITHOUT_WORK = ("beat", "bury", "discard", "hear", "part", "reseal", "schedule", "wake", "webhook")
NEEDS = {
    "claim": (*WORK, "items", "slots", "pick"),
    "begin": (*WORK, "joined", "record"),
    "settle": (*WORK, "joined", "record", "throttle", "stats", "creds", "delivery", "groups"),
    "inbound": ("record", "delivery"),
    "credential": ("creds",),
    "statuses": (*WORK, "record", "delivery"),
    "group": ("creds", "groups"),
    "record": PRELUDE_ONLY,
    "session": (*WORK, "asking"),
    "asks": ("gate", "asking"),
    **dict.fromkeys(WITHOUT_WORK, PRELUDE_ONLY),
    "audit_append": PRELUDE_ONLY,
}
"""Further files that stand in front of a verb, behind the prelude; where none are named, `WORK`."""


@cache
def source(verb: str, clock: Path = CLOCK) -> str:
    """The text of a verb's script as the store runs it; a first line `#!lua …` stays first."""
    first, _, rest = (FOLDER / f"{verb}.lua").read_text().partition("\n")
    shared = [(FOLDER / f"{name}.lua").read_text() for name in ("prelude", *NEEDS.get(verb, WORK))]
    return "\n".join([first, clock.read_text(), *shared, rest])


class Scripts:
    """Runs verbs on one store under one root; loads a script again after `SCRIPT FLUSH`.

    `clock` is the file that gives the verbs `now()` and `key()`; a simulator hands in its own.
    """

    def __init__(self, redis: Redis, root: str = ROOT, clock: Path = CLOCK) -> None:
        self.redis = redis
        self.root = root
        self._clock = clock
        self._known: dict[str, Any] = {}
        self.replicas = Replicas(redis, self.key("fence"))

    def key(self, *parts: str) -> str:
        """The name of a key, as the prelude builds it."""
        return ":".join((self.root, *parts))

    def run(self, verb: str, *args: str | bytes | int | float) -> Any:
        """The verb's answer. Raises Unreachable, or StoreFull where the store has no room."""
        return ask(self._script(verb), keys=[self.root], args=args)

    def run_replicated(self, verb: str, *args: str | bytes | int | float) -> tuple[Any, bool]:
        """The verb's answer, and whether a replica has what it wrote; True where there is none.

        Raises as `run`.
        """
        if not ask(self.replicas.present):
            return self.run(verb, *args), True
        answers, confirmed = ask(self.replicas.write, lambda pipe: self.queue(pipe, verb, *args))
        return answers[0], confirmed

    def queue(self, pipe: Any, verb: str, *args: str | bytes | int | float) -> None:
        """Let a pipeline of redis-py run the verb with what else it holds."""
        self._script(verb)(keys=[self.root], args=args, client=pipe)

    def _script(self, verb: str) -> Any:
        script = self._known.get(verb)
        if script is None:
            script = self._known[verb] = self.redis.register_script(source(verb, self._clock))
        return script


def ask(command: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The store's answer to one command or pipe. Raises as `trouble` says what was refused."""
    try:
        return command(*args, **options)
    except RedisError as error:
        raise trouble(error) from error


def decoded(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash of the store as text."""
    return {name.decode(): value.decode() for name, value in fields.items()}


PASSING_TYPES = (ReadOnlyError, ClusterDownError, TryAgainError)
PASSING_WORDS = ("MISCONF", "BUSY", "NOREPLICAS")
"""Refusals that are not about the question: asked again later, the answer may be another."""


def trouble(error: RedisError) -> BulkheadError:
    """The store's refusal in words that tell the caller what to do."""
    if isinstance(error, OutOfMemoryError):
        return StoreFull(
            "the store is full",
            why="it has reached its maxmemory and refuses new data (noeviction)",
            to_do="give it more memory, or let finished jobs expire; nothing accepted is lost",
        )
    passing = isinstance(error, PASSING_TYPES) or str(error).startswith(PASSING_WORDS)
    if isinstance(error, ResponseError) and not passing:
        # Ours, most likely: asked again, the store would answer the same.
        return BulkheadError(
            "the store refused a command",
            why=f"{type(error).__name__}: {error}",
            to_do="run `bulkhead doctor`; if it finds nothing, please report this line",
        )
    return Unreachable(
        "the store did not answer",
        why=f"{type(error).__name__}: {error}",
        to_do="see that it runs (`bulkhead up` starts the embedded one), then try again",
    )
