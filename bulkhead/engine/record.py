"""The record across jobs: who was imported, by which job, and whether a token was issued."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import NamedTuple

from bulkhead.engine.script import Scripts, ask

ENTRY = struct.Struct(">8sIIB")
"""Content digest, the job's serial, unix seconds, flags: as `scripts/record.lua` packs it."""

HAS_TOKEN = 1
BUCKETS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One address as it was left by the last job that touched it; `at` is in unix seconds."""

    address: str
    job: str
    at: int
    token: bool


class Past(NamedTuple):
    """What the record says of one address."""

    digest: str
    at: int
    """Unix seconds."""
    token: bool


class Record:
    """Reads what `settle` writes. Every method raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._key = scripts.key
        self._job_of: Callable[[int], str] = lru_cache(1024)(self._job)

    def count(self, app: str) -> int:
        """How many addresses of the app are on the record."""
        return int(ask(self._redis.hget, self._key("done", app), "count") or 0)

    def look_up(self, app: str, addresses: Sequence[str]) -> list[Past | None]:
        """What is known of each address, in their order; a round trip for all of them.

        While jobs run, an entry that moves to another bucket meanwhile may be missed.
        """
        buckets = self._buckets(app)
        if not (buckets and addresses):
            return [None] * len(addresses)
        pipe = self._redis.pipeline(transaction=False)
        for address in addresses:
            pipe.hget(self._key("done", app, str(bucket_of(address, buckets))), address)
        return [None if packed is None else _past(packed) for packed in ask(pipe.execute)]

    def entries(self, app: str) -> Iterator[RecordEntry]:
        """Every entry once, in no order, as a stream.

        While jobs run, an entry that moves to another bucket meanwhile may be missed.
        """
        buckets = self._buckets(app)
        for start in range(0, buckets, BUCKETS_AT_ONCE):
            pipe = self._redis.pipeline(transaction=False)
            for number in range(start, min(start + BUCKETS_AT_ONCE, buckets)):
                pipe.hgetall(self._key("done", app, str(number)))
            for found in ask(pipe.execute):
                for address, packed in found.items():
                    _, serial, at, flags = ENTRY.unpack(packed)
                    token = bool(flags & HAS_TOKEN)
                    yield RecordEntry(address.decode(), self._job_of(serial), at, token)

    def clear(self, app: str) -> None:
        """Forget all of it; for an app that is removed."""
        clear_book(self._scripts, "done", app)

    def _buckets(self, app: str) -> int:
        return int(ask(self._redis.hget, self._key("done", app), "buckets") or 0)

    def _job(self, serial: int) -> str:
        return (ask(self._redis.hget, self._key("serials"), str(serial)) or b"").decode()


def clear_book(scripts: Scripts, *name: str) -> None:
    """Forget a book with all its buckets, named as in `record.lua`. Raises Unreachable."""
    buckets = int(ask(scripts.redis.hget, scripts.key(*name), "buckets") or 0)
    # First, so that what is half deleted is not looked up.
    ask(scripts.redis.delete, scripts.key(*name))
    for start in range(0, buckets, BUCKETS_AT_ONCE):
        stop = min(start + BUCKETS_AT_ONCE, buckets)
        numbers = map(str, range(start, stop))
        ask(scripts.redis.unlink, *(scripts.key(*name, number) for number in numbers))


def bucket_of(address: str, buckets: int) -> int:
    """The number of the bucket that an address belongs in, as `scripts/record.lua` has it."""
    number = int(sha1(address.encode(), usedforsecurity=False).hexdigest()[:8], 16)
    size = 1 << (buckets.bit_length() - 1)
    place = number % (size * 2)
    return place if place < buckets else number % size


def _past(packed: bytes) -> Past:
    digest, _, at, flags = ENTRY.unpack(packed)
    return Past(digest.hex(), at, bool(flags & HAS_TOKEN))
