"""Bodies from the internet: each bounded, and all that are in hand together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

LARGEST = 256 * 1024
DRAINED = 8 << 20
"""Bytes of a larger one that are read and forgotten: a sender that is cut off sees no answer."""
MOST_AT_ONCE = 16 << 20
"""Bytes; a process of ours may have 256 MiB for everything."""
WITHIN = 5.0
"""Seconds in which a body must have arrived."""


class PutOff(Exception):
    """Nothing was decided about this delivery: it is to be sent again."""


class Bodies:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytes | None]:
        """The body while it is needed; None for one that is too large.

        Raises PutOff where there is no room or it does not arrive, and ClientDisconnect.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(WITHIN):
                async for part in request.stream():
                    size += len(part)
                    if size > DRAINED:
                        break
                    if size > LARGEST:
                        self._forget(parts)
                    else:
                        self._keep(parts, part)
            yield None if size > LARGEST else b"".join(parts)
        except TimeoutError:
            raise PutOff("a body did not arrive in time") from None
        finally:
            self._forget(parts)

    def _keep(self, parts: list[bytes], part: bytes) -> None:
        if self._held + len(part) > MOST_AT_ONCE:
            raise PutOff("too much at once")
        self._held += len(part)
        parts.append(part)

    def _forget(self, parts: list[bytes]) -> None:
        self._held -= sum(map(len, parts))
        parts.clear()
