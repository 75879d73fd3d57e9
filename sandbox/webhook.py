"""Tell an app's webhook what happened, without anybody waiting for it."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.fields import Fields

ACKNOWLEDGED = b"MESIBO OK"
MOST_WAITING = 10_000  # events not yet posted; further ones are dropped and counted
TIMEOUT_S = 10.0
THREADS = 4
LONGEST_DELAY_S = 3_600
MOST_REPEATS = 100
VERSIONS = (1, 2)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an app's events go, and how: version 1 carries the secret in each body."""

    url: str = field(repr=False)
    v: int = 2
    secret: str | None = field(default=None, repr=False)
    delay_s: float = 0.0
    repeat: int = 1
    silent: bool = False


def read_webhook(fields: Fields | None) -> Webhook | None:
    """The webhook of a registration; raises InvalidField."""
    if fields is None:
        return None
    url = fields.header_text("url")
    if url is None or not url.startswith(("http://", "https://")):
        raise fields.wrong("url", "an address that begins with http:// or https://")
    webhook = Webhook(
        url=url,
        v=fields.whole("v", min(VERSIONS), max(VERSIONS)) or 2,
        secret=fields.text("secret"),
        delay_s=fields.number("delay_s", 0, LONGEST_DELAY_S) or 0.0,
        repeat=fields.whole("repeat", 1, MOST_REPEATS) or 1,
        silent=fields.flag("silent") or False,
    )
    fields.finish()
    return webhook


@dataclass(frozen=True, slots=True)
class Posting:
    """A document that is due at a webhook, and the counts to keep of that."""

    webhook: Webhook
    document: dict[str, Any] = field(repr=False)
    tally: Counter[str]

    @property
    def body(self) -> bytes:
        """What is posted, with the secret where the webhook's version has it there."""
        webhook = self.webhook
        secret = {"secret": webhook.secret} if webhook.v == 1 and webhook.secret else {}
        return json.dumps({**self.document, **secret}).encode()


Make = Callable[[], Posting | None]
"""Called when its time has come: what is to be posted then, if anything."""


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    due: float
    number: int
    run: Callable[[], None] = field(compare=False)


class Poster:
    """Posts on threads of its own, started with its first post, in the order of what is due.

    A tally counts `posted`, of these `acknowledged`, and what was `dropped` because too many wait.
    """

    def __init__(self) -> None:
        self._waiting: list[_Task] = []
        self._changed = threading.Condition()
        self._started = False
        self._number = 0
        # A proxy set for the world outside must not be asked for this machine.
        self._open = build_opener(ProxyHandler({})).open

    def post(self, webhook: Webhook, document: dict[str, Any], tally: Counter[str]) -> None:
        """Have it posted as often as the webhook says, after its delay; never waits."""
        if webhook.silent:
            return
        posting = Posting(webhook, document, tally)
        run = partial(self._deliver, webhook.url, posting.body, tally)
        due = time.monotonic() + webhook.delay_s
        with self._changed:
            for _ in range(webhook.repeat):
                if len(self._waiting) >= MOST_WAITING:
                    tally["dropped"] += 1
                    continue
                self._push(due, run)

    def later(self, due: float, make: Make) -> None:
        """Post at that instant of the monotonic clock what is made then, its delay left out."""
        with self._changed:
            self._push(due, partial(self._make, make))

    def forget(self) -> None:
        """Post nothing of what waits."""
        with self._changed:
            self._waiting.clear()

    def _push(self, due: float, run: Callable[[], None]) -> None:
        self._start()
        self._number += 1
        heapq.heappush(self._waiting, _Task(due, self._number, run))
        self._changed.notify_all()

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        for _ in range(THREADS):
            # Daemons: a receiver that hangs never keeps the sandbox alive.
            threading.Thread(target=self._run, name="webhook", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._next().run()

    def _next(self) -> _Task:
        with self._changed:
            while True:
                left = self._waiting[0].due - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)

    def _make(self, make: Make) -> None:
        posting = make()
        if posting is None:
            return
        for _ in range(posting.webhook.repeat):
            self._deliver(posting.webhook.url, posting.body, posting.tally)

    def _deliver(self, url: str, body: bytes, tally: Counter[str]) -> None:
        acknowledged = self._acknowledged(url, body)
        with self._changed:
            tally["posted"] += 1
            tally["acknowledged"] += acknowledged

    def _acknowledged(self, url: str, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        request = Request(url, body, headers, method="POST")  # noqa: S310 - read_webhook
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                return bool(answer.read(len(ACKNOWLEDGED) + 1) == ACKNOWLEDGED)
        except Exception:
            # Whatever the receiver did: it did not acknowledge, and the next post is due.
            return False
