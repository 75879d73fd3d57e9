"""The inbound webhook: mesibo is answered at once, and believed only as far as it can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from structlog import get_logger

from bulkhead.engine.inbound import InboundEvents, Reason, Taken
from bulkhead.engine.inbound_secret import InboundSecrets, Whose
from bulkhead.engine.script import ask
from bulkhead.errors import BulkheadError
from bulkhead.inbound.event import Delivery, Unreadable
from bulkhead.inbound.reading import FORM, read_delivery
from bulkhead.submitting import refuse_if_full
from producers.api.gathering import Gathering
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
THREADS = 2
"""Of our own: a store that hangs must not keep the probes waiting."""


def add_to(api: FastAPI, store: Store) -> None:
    """Answer at `/v1/inbound/mesibo/{secret}`, with and without a slash at the end."""
    inbound = Inbound(store)
    for path in (PREFIX + "{secret}", PREFIX + "{secret}/"):
        api.add_route(path, inbound.answer, methods=METHODS, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """A request of a known sender; a body of None was too large."""

    whose: Whose
    body: bytes | None
    kind: str


class Inbound:
    """Belongs to one event loop; only what asks the store or reads a body leaves its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        threads = ThreadPoolExecutor(THREADS, "inbound")
        self._senders = Gathering(self._whose, threads)
        self._taking = Gathering(self._take, threads)
        self._bodies = Bodies()
        self._inside = 0
        self._of_app: Counter[str] = Counter()
        self._seldom = Seldom()

    async def answer(self, request: Request) -> Response:
        """`MESIBO OK` whatever came, 404 for a path that is nobody's, 503 if it must come again."""
        self._inside += 1
        try:
            if self._inside > MOST_INSIDE:
                raise PutOff("too many at once")
            whose = await self._senders.ask(request.path_params["secret"], WITHIN / 2)
            return self._nobody() if whose is None else await self._of_somebody(request, whose)
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return self._put_off("the store is slow")
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
                async with self._bodies.of(request, whose.app) as body:
                    await self._hear(Heard(whose, body, kind))
            elif request.method == "GET":
                await self._hear(Heard(whose, request.url.query.encode(), FORM))
            return PlainTextResponse(OK)
        finally:
            self._of_app[whose.app] -= 1
            if not self._of_app[whose.app]:
                del self._of_app[whose.app]

    async def _hear(self, heard: Heard) -> None:
        """Keep what was said, or count it. A body of nothing says nothing."""
        if heard.body == b"":
            return
        app = heard.whose.app
        about = {"tenant": app.partition("/")[0], "app": app}
        taken = await self._taking.ask(heard, WITHIN / 2)
        if isinstance(taken, BulkheadError):
            raise taken
        if isinstance(taken, str):
            if times := self._seldom.times("refused", app, taken):
                get_logger().warning("inbound_refused", **about, reason=taken, times=times)
            return
        counts = {"kept": taken.kept, "repeated": taken.repeated, "placed": taken.placed}
        get_logger().debug("inbound_received", **about, **counts)
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

    def _whose(self, paths: Sequence[str]) -> Sequence[Whose | None]:
        return InboundSecrets(self._store.scripts(), self._store.box()).whose_all(paths)

    def _take(self, heard: Sequence[Heard]) -> Sequence[Taken | Reason | BulkheadError]:
        scripts = self._store.scripts()
        # What mesibo tells must not take the room that running jobs need.
        ask(refuse_if_full, scripts)
        secrets = InboundSecrets(scripts, self._store.box())
        trouble: list[BulkheadError | Reason | None] = []
        taken = iter(InboundEvents(scripts).take(_readings(heard, secrets, trouble)))
        return [
            what if isinstance(what, BulkheadError) else _told(what, next(taken))
            for what in trouble
        ]


def _readings(
    heard: Sequence[Heard], secrets: InboundSecrets, trouble: list[BulkheadError | Reason | None]
) -> Iterator[tuple[str, Delivery | Reason]]:
    """Each with what it says, one by one: as objects a body takes thirty times its bytes.

    What is not to be kept is noted in `trouble`, where the others have None.
    """
    for one in heard:
        what = _read(one, secrets)
        trouble.append(None if isinstance(what, Delivery) else what)
        # A key that is missing here is one app's trouble, not that of all who came with it.
        if not isinstance(what, BulkheadError):
            yield one.whose.app, what


def _read(heard: Heard, secrets: InboundSecrets) -> Delivery | Reason | BulkheadError:
    """What was delivered, or why nothing of it is to be kept."""
    if heard.body is None:
        return "too_large"
    read = read_delivery(heard.body, heard.kind)
    if isinstance(read, Unreadable):
        return "unreadable"
    try:
        if secrets.accepts(heard.whose, read.secret):
            return read
    except BulkheadError as error:
        return error
    # Answered as if it were right: a wrong answer would only tell that it was wrong.
    return "wrong_secret" if read.secret else "no_secret"


def _told(refused: Reason | None, taken: Taken) -> Taken | Reason:
    return taken if refused is None else refused
