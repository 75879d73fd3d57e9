"""Tell an app's webhook what happened, without anybody waiting for it."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True, order=True)
class _Post:
    due: float
    number: int
    url: str = field(compare=False, repr=False)
    body: bytes = field(compare=False, repr=False)
    tally: Counter[str] = field(compare=False)


class Poster:
    """Posts on threads of its own, started with its first post, in the order of what is due.

    A tally counts `posted`, of these `acknowledged`, and what was `dropped` because too many wait.
    """

    def __init__(self) -> None:
        self._waiting: list[_Post] = []
        self._changed = threading.Condition()
        self._started = False
        self._number = 0
        # A proxy set for the world outside must not be asked for this machine.
        self._open = build_opener(ProxyHandler({})).open

    def post(self, webhook: Webhook, document: dict[str, Any], tally: Counter[str]) -> None:
        """Have it posted as often as the webhook says, after its delay; never waits."""
        if webhook.silent:
            return
        secret = {"secret": webhook.secret} if webhook.v == 1 and webhook.secret else {}
        body = json.dumps({**document, **secret}).encode()
        due = time.monotonic() + webhook.delay_s
        with self._changed:
            self._start()
            for _ in range(webhook.repeat):
                if len(self._waiting) >= MOST_WAITING:
                    tally["dropped"] += 1
                    continue
                self._number += 1
                heapq.heappush(self._waiting, _Post(due, self._number, webhook.url, body, tally))
            self._changed.notify_all()

    def forget(self) -> None:
        """Post nothing of what waits."""
        with self._changed:
            self._waiting.clear()

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        for _ in range(THREADS):
            # Daemons: a receiver that hangs never keeps the sandbox alive.
            threading.Thread(target=self._run, name="webhook", daemon=True).start()

    def _run(self) -> None:
        while True:
            post = self._next()
            acknowledged = self._deliver(post)
            with self._changed:
                post.tally["posted"] += 1
                post.tally["acknowledged"] += acknowledged

    def _next(self) -> _Post:
        with self._changed:
            while True:
                left = self._waiting[0].due - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)

    def _deliver(self, post: _Post) -> bool:
        headers = {"Content-Type": "application/json"}
        request = Request(post.url, post.body, headers, method="POST")  # noqa: S310 - read_webhook
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                return bool(answer.read(len(ACKNOWLEDGED) + 1) == ACKNOWLEDGED)
        except Exception:
            # Whatever the receiver did: it did not acknowledge, and the next post is due.
            return False
