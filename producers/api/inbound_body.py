"""Bodies from the internet: each bounded, and all that are in hand together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

LARGEST = 256 * 1024
DRAINED = 8 << 20
"""Bytes of a larger one that are read and forgotten: a sender that is cut off sees no answer."""
MOST_AT_ONCE = 16 << 20
"""Bytes; a process of ours may have 256 MiB for everything."""
MOST_OF_APP = 2 << 20
"""Bytes of one app: reading these takes a good part of a second, which all others wait."""
WITHIN = 5.0
"""Seconds in which a body must have arrived."""


class PutOff(Exception):
    """Nothing was decided about this delivery: it is to be sent again."""


class Bodies:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, request: Request, app: str) -> AsyncIterator[bytes | None]:
        """The body while it is needed; None for one that is too large.

        Raises PutOff where there is no room or it does not arrive, and ClientDisconnect.
        """
        parts: list[bytes] = []
        try:
            yield b"".join(parts) if await self._fits(request, app, parts) else None
        finally:
            self._forget(app, parts)

    async def _fits(self, request: Request, app: str, parts: list[bytes]) -> bool:
        """Read all of it into the parts; False, and nothing there, if it is too large."""
        size = 0
        try:
            async with asyncio.timeout(WITHIN):
                async for part in request.stream():
                    size += len(part)
                    if size > DRAINED:
                        break
                    if size > LARGEST:
                        self._forget(app, parts)
                    else:
                        self._keep(app, parts, part)
        except TimeoutError:
            raise PutOff("a body did not arrive in time") from None
        return size <= LARGEST

    def _keep(self, app: str, parts: list[bytes], part: bytes) -> None:
        if self._held[app] + len(part) > MOST_OF_APP:
            raise PutOff("too much of one app at once")
        if self._held.total() + len(part) > MOST_AT_ONCE:
            raise PutOff("too much at once")
        self._held[app] += len(part)
        parts.append(part)

    def _forget(self, app: str, parts: list[bytes]) -> None:
        self._held[app] -= sum(map(len, parts))
        if not self._held[app]:
            del self._held[app]
        parts.clear()
