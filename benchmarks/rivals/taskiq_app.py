"""taskiq with one message per item, over its quickest broker: a list, without acknowledgements."""

from __future__ import annotations

import asyncio
import os
import time

import aiohttp
from taskiq_redis import ListQueueBroker

from benchmarks.leg import address
from benchmarks.rivals.call import HEADERS, body, check

AT_ONCE = 100
"""Messages that the sender has under way."""

broker = ListQueueBroker(os.environ["RIVAL_STORE"])
_sessions: list[aiohttp.ClientSession] = []


@broker.task
async def add_user(address: str, name: str) -> None:
    """Make one call over one of this process's open connections."""
    if not _sessions:
        _sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    sent = _sessions[0].post(
        os.environ["RIVAL_URL"], data=body(address, name), headers=HEADERS, allow_redirects=False
    )
    async with sent as answer:
        check(await answer.read())


def send(items: int) -> float:
    """Send one message per item, many at once; the seconds it took."""
    return asyncio.run(_send(items))


async def _send(items: int) -> float:
    await broker.startup()
    began, numbers = time.monotonic(), iter(range(items))

    async def sender() -> None:
        for number in numbers:
            await add_user.kiq(address(number), f"User {number}")

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    took = time.monotonic() - began
    await broker.shutdown()
    return took
