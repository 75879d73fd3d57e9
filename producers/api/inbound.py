"""The inbound webhook: mesibo is answered at once, and believed only as far as it can be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from structlog import get_logger

from bulkhead.engine.inbound import InboundEvents, Reason, Taken
from bulkhead.engine.inbound_secret import InboundSecrets, Whose
from bulkhead.errors import BulkheadError
from bulkhead.inbound.event import Unreadable
from bulkhead.inbound.reading import FORM, read_delivery
from producers.api.inbound_body import Bodies, PutOff
from producers.api.problem import problem
from producers.api.seldom import Seldom
from producers.api.store import Store

PREFIX = "/v1/inbound/mesibo/"
METHODS = ["GET", "HEAD", "POST"]
OK = "MESIBO OK"
"""What mesibo wants to read, to the letter."""

WITHIN = 0.9
"""Seconds in which we answer, besides the time that a body takes to arrive."""
MOST_INSIDE = 1024
MOST_OF_APP = MOST_INSIDE // 2
"""One app's burst leaves room for the others."""
THREADS = 8
"""Of our own: a store that hangs must not keep the probes waiting."""

T = TypeVar("T")


def add_to(api: FastAPI, store: Store) -> None:
    """Answer at `/v1/inbound/mesibo/{secret}`, with and without a slash at the end."""
    inbound = Inbound(store)
    for path in (PREFIX + "{secret}", PREFIX + "{secret}/"):
        api.add_api_route(path, inbound.answer, methods=METHODS, include_in_schema=False)


class Inbound:
    """Belongs to one event loop; only what asks the store or reads a body leaves its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = CapacityLimiter(THREADS)
        self._bodies = Bodies()
        self._inside = 0
        self._of_app: Counter[str] = Counter()
        self._seldom = Seldom()

    async def answer(self, request: Request, secret: str) -> Response:
        """`MESIBO OK` whatever came, 404 for a path that is nobody's, 503 if it must come again."""
        self._inside += 1
        try:
            if self._inside > MOST_INSIDE:
                raise PutOff("too many at once")
            whose = await self._in_thread(self._whose, secret)
            return self._nobody() if whose is None else await self._of_somebody(request, whose)
        except ClientDisconnect:
            return Response(status_code=400)
        except PutOff as error:
            return self._put_off(str(error))
        except BulkheadError as error:
            # Also a key that is missing here: another process, or this one later, can take it.
            return self._put_off(error.what)
        finally:
            self._inside -= 1

    async def _of_somebody(self, request: Request, whose: Whose) -> Response:
        self._of_app[whose.app] += 1
        try:
            if self._of_app[whose.app] > MOST_OF_APP:
                raise PutOff("too many of one app at once")
            if request.method == "POST":
                kind = request.headers.get("content-type", "")
                async with self._bodies.of(request) as body:
                    await self._hear(whose, body, kind)
            elif request.method == "GET":
                await self._hear(whose, request.url.query.encode(), FORM)
            return PlainTextResponse(OK)
        finally:
            self._of_app[whose.app] -= 1
            if not self._of_app[whose.app]:
                del self._of_app[whose.app]

    async def _hear(self, whose: Whose, body: bytes | None, kind: str) -> None:
        """Keep what was said; None stands for too much. A body of nothing says nothing."""
        if body == b"":
            return
        app = whose.app
        about = {"tenant": app.split("/", maxsplit=1)[0], "app": app}
        taken = await self._in_thread(self._take, whose, body, kind)
        if isinstance(taken, str):
            if times := self._seldom.times("refused", app, taken):
                get_logger().warning("inbound_refused", **about, reason=taken, times=times)
            return
        get_logger().debug("inbound_received", **about, kept=taken.kept, repeated=taken.repeated)
        if taken.dropped and (times := self._seldom.times("dropped", app)):
            get_logger().warning("inbound_dropped", **about, dropped=taken.dropped, times=times)

    def _nobody(self) -> Response:
        if times := self._seldom.times("unknown"):
            get_logger().warning("inbound_unknown", times=times)
        return problem(404, "NOT_FOUND", "Not Found")

    def _put_off(self, why: str) -> Response:
        if times := self._seldom.times("put_off", why):
            get_logger().warning("inbound_put_off", why=why, times=times)
        # Whoever calls here is a stranger: what is wrong with the store is none of his business.
        answer = problem(503, "TRY_AGAIN", "Service Unavailable")
        answer.headers["Retry-After"] = "5"
        return answer

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        """What the work returns. Raises PutOff where that takes too long, and as the work."""
        call = partial(work, *args)
        task = asyncio.ensure_future(to_thread.run_sync(call, limiter=self._threads))
        task.add_done_callback(_heard_out)
        done, _ = await asyncio.wait({task}, timeout=WITHIN / 2)
        if not done:
            # A thread goes on to its end all the same; one that is still waited for is not taken.
            task.cancel()
            raise PutOff("the store is slow")
        return task.result()

    def _whose(self, secret: str) -> Whose | None:
        return InboundSecrets(self._store.scripts(), self._store.box()).whose(secret)

    def _take(self, whose: Whose, body: bytes | None, kind: str) -> Taken | Reason:
        scripts = self._store.scripts()
        events = InboundEvents(scripts)
        read = Unreadable() if body is None else read_delivery(body, kind)
        reason: Reason | None = None
        if isinstance(read, Unreadable):
            reason = "too_large" if body is None else "unreadable"
        elif not InboundSecrets(scripts, self._store.box()).accepts(whose, read.secret):
            # Answered as if it were right: a wrong answer would only tell that it was wrong.
            reason = "wrong_secret" if read.secret else "no_secret"
        if isinstance(read, Unreadable) or reason:
            events.refuse(whose.app, reason or "unreadable")
            return reason or "unreadable"
        return events.append(whose.app, read)


def _heard_out(task: asyncio.Future[T]) -> None:
    """What became of a call that nobody waits for any more is nothing to warn of."""
    if not task.cancelled():
        task.exception()
