"""What readers of a stream in the store have in common."""

from __future__ import annotations

from redis import Redis

from bulkhead.engine.script import ask

LONGEST_BLOCK = 1.0
"""Seconds for one blocking read: less than any client of ours waits for an answer."""
BEGINNING = "0-0"


def newest(redis: Redis, name: str) -> str:
    """The id of a stream's newest entry: what comes after it is news. Raises Unreachable."""
    found = ask(redis.xrevrange, name, count=1)
    return str(found[0][0].decode()) if found else BEGINNING


def block_for(seconds: float) -> int:
    """The milliseconds of the next blocking read by somebody who waits for so many seconds."""
    return max(1, round(1000 * min(LONGEST_BLOCK, seconds)))
