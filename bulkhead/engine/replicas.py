"""Whether what was just written is on a replica too: what a fail-over must not undo."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

ENOUGH, PATIENCE = 1, 200
"""Replicas that must have a write, and the milliseconds they are given for it."""

ASKED_EVERY = 5.0
"""Seconds between two questions whether there are replicas at all."""

PAUSE = 0.25
"""Seconds between two questions whether a replica has caught up."""

MOST_LAG, MOST_BYTES = 2, 1 << 20
"""Seconds without a word from a replica, and bytes it has not got, from which on it is behind."""


class Replicas:
    """What one client knows of its store's replicas."""

    def __init__(
        self, redis: Redis, fence: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._fence = fence
        self._clock = clock
        self._asked_at = float("-inf")
        self._present = False

    def present(self) -> bool:
        """True if a replica follows the store, as of a few seconds ago. Raises RedisError."""
        now = self._clock()
        if now - self._asked_at >= ASKED_EVERY:
            self._present = any(one.get("state") == "online" for one in _replicas(self._redis))
            self._asked_at = now
        return self._present

    def write(self, queue: Callable[[Any], None]) -> tuple[list[Any], bool]:
        """The answers to what `queue` puts into a pipe, and whether a replica has all of it.

        True means also that it has whatever anybody wrote to the store before. Raises RedisError.
        """
        pipe = self._redis.pipeline(transaction=False)
        queue(pipe)
        # WAIT counts for the writes of its own connection, and a verb that is sent twice writes
        # nothing the second time: without this write it would be confirmed unheard.
        pipe.set(self._fence, 1, ex=60)
        pipe.wait(ENOUGH, PATIENCE)
        *answers, _, confirmed = pipe.execute()
        return answers, int(confirmed) >= ENOUGH

    def confirm(self, seconds: float) -> bool:
        """True if a replica has all that was written so far, or there is none to have it.

        A replica that is behind is waited for. Raises RedisError.
        """
        deadline = self._clock() + seconds
        while self.present() and not self.write(lambda _: None)[1]:
            if self._clock() > deadline:
                return False
            time.sleep(PAUSE)
        return True


def behind(redis: Redis) -> tuple[int, list[str]]:
    """How many replicas there are, and of each that does not keep up what is wrong with it."""
    told = _info(redis)
    written = int(told.get("master_repl_offset", 0))
    wrong = []
    found = _replicas_in(told)
    for one in found:
        name = f"{one.get('ip')}:{one.get('port')}"
        missing = written - int(one.get("offset", 0))
        if one.get("state") != "online":
            wrong.append(f"{name} is not in step yet ({one.get('state')})")
        elif int(one.get("lag", 0)) > MOST_LAG or missing > MOST_BYTES:
            wrong.append(f"{name} was last heard {one.get('lag')} s ago and lacks {missing} bytes")
    return len(found), wrong


def _replicas(redis: Redis) -> list[Mapping[str, Any]]:
    return _replicas_in(_info(redis))


def _replicas_in(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    named = (told.get(f"slave{number}") for number in range(int(told.get("connected_slaves", 0))))
    return [one for one in named if isinstance(one, Mapping)]


def _info(redis: Redis) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = redis.info("replication")
    except (NoPermissionError, ResponseError):
        # A managed store that keeps it to itself: it also decides itself what a fail-over may lose.
        return {}
    return told
