"""The front list in the broker: every message is in exactly one list until it is carried out."""

from __future__ import annotations

from functools import cache

from redis import Redis

from bulkhead.engine.script import FOLDER, ROOT, ask

QUEUE = "bulkhead.submit"
SEPARATORS = ("\x06\x16", ":")
"""kombu's own, and the one that Celery's manual tells people to set."""

LISTS = (QUEUE, *(f"{QUEUE}{sep}{step}" for step in range(1, 10) for sep in SEPARATORS))
"""Most urgent first, as Celery's own consumer reads them. Unless told otherwise a client writes its
priorities 0–2 to the plain list, 3–5 to that of 3, 6–8 to 6, and 9 to 9 (kombu 5.7)."""


@cache
def _source(name: str) -> str:
    return (FOLDER / f"{name}.lua").read_text()


class Front:
    """One worker's side of the front lists. Raises Unreachable when the broker is away."""

    def __init__(self, redis: Redis, worker: str, root: str = ROOT) -> None:
        self._redis = redis
        self._worker = worker
        self._root = root
        self._take = redis.register_script(_source("take"))
        self._adopt = redis.register_script(_source("adopt"))

    def register(self) -> None:
        """Let others know that there may be messages in our hand."""
        ask(self._redis.sadd, self._takers, self._worker)

    def take(self) -> bytes | None:
        """The message in hand, else the most urgent one; None if there is none."""
        keys = [self._taken(self._worker), *LISTS]
        found: bytes | None = ask(self._take, keys=keys)
        return found

    def wait(self, seconds: float) -> bytes | None:
        """The next message of the plain list, waited for at most so long."""
        mine = self._taken(self._worker)
        found: bytes | None = ask(
            self._redis.blmove, QUEUE, mine, seconds, src="RIGHT", dest="LEFT"
        )
        return found

    def done(self, message: bytes) -> None:
        """Forget a message in hand: what it asked for is kept elsewhere by now."""
        ask(self._redis.lrem, self._taken(self._worker), 1, message)

    def others(self) -> list[str]:
        """Workers that may have a message in hand, dead ones included."""
        names = [name.decode() for name in ask(self._redis.smembers, self._takers)]
        return sorted(name for name in names if name != self._worker)

    def in_hand(self, worker: str) -> list[bytes]:
        """What a worker has taken and not yet done."""
        found: list[bytes] = ask(self._redis.lrange, self._taken(worker), 0, -1)
        return found

    def adopt(self, worker: str) -> int:
        """Take over what a dead worker had in hand; how many messages that were."""
        moved = int(ask(self._adopt, keys=[self._taken(worker), self._taken(self._worker)]))
        ask(self._redis.srem, self._takers, worker)
        return moved

    def leave(self) -> None:
        """Go, unless something is in hand: then others find it by our name."""
        if not self.in_hand(self._worker):
            ask(self._redis.srem, self._takers, self._worker)

    def put(self, message: bytes) -> None:
        """Queue a message anew, as its sender did."""
        ask(self._redis.lpush, QUEUE, message)

    def close(self) -> None:
        """End the connections."""
        self._redis.close()

    @property
    def _takers(self) -> str:
        return f"{self._root}:takers"

    def _taken(self, worker: str) -> str:
        return f"{self._root}:taken:{worker}"
