"""Says that this worker lives, ends what others left behind, and minds what falls due."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from structlog import get_logger

from bulkhead import __version__
from bulkhead.engine.verbs import Reaped
from bulkhead.errors import Unreachable
from bulkhead.model.job import rfc3339
from bulkhead.model.push import Expiring
from worker import items
from worker.runtime import Runtime, queue_of

BEAT = 2.0
"""Seconds between beats: a quarter of the time after which a worker counts as dead."""
DAY = 86400.0
NEARNESS = ((1, logging.ERROR), (14, logging.WARNING), (60, logging.INFO))
"""Days before the end of a credential, and how loud it is told."""


def loudness(days: int) -> int:
    """The level at which it is told that a credential ends in so many days, 60 at most."""
    return next(level for nearest, level in NEARNESS if days <= nearest)


class Pulse(threading.Thread):
    """A thread of a worker."""

    def __init__(
        self,
        runtime: Runtime,
        app: Any,
        bequeath: Callable[[Sequence[str]], None],
        call_keeper: Callable[[bool], None],
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        self._bequeath = bequeath
        self._call_keeper = call_keeper
        self._runtime = runtime
        self._app = app
        self._over = threading.Event()
        self._log = get_logger()
        self._lost = False
        self._facts = {
            "host": socket.gethostname(),
            "pid": str(os.getpid()),
            "cell": runtime.verbs.cell,
            "egress": runtime.verbs.egress,
            "version": __version__,
            "slots": str(runtime.calls),
            "keys": ",".join(runtime.cabinet.key_ids),
        }

    def run(self) -> None:
        """Beat until the worker's last settle is done; a store that is away is waited for."""
        while True:
            try:
                self.beat()
            except Unreachable as error:
                if not self._lost:
                    self._log.warning("worker_lost_store", error=error.why)
                self._lost = True
            except Exception:
                self._log.exception("pulse_failed")
            if self._over.wait(BEAT):
                return

    def beat(self) -> None:
        """One beat, and one look for what outlived its worker or fell due."""
        overdue = self._runtime.verbs.beat(self._facts)
        if self._lost:
            self._log.info("worker_found_store")
            self._lost = False
        self._call_keeper(overdue.sessions)
        if overdue.reap:
            self._reap()
        if overdue.tick:
            self._tick()
        # Last: nothing that goes wrong with words may keep the dead from being reaped.
        self._speak_of_words()

    def finish(self) -> None:
        """The last beat: whatever this worker still holds may be ended by the next reaper."""
        self._over.set()
        self.join(timeout=BEAT)
        self._delete_queue(self._runtime.queue)
        with suppress(Unreachable):
            self._runtime.verbs.leave()
            self._speak_of_words()

    def _reap(self) -> None:
        dead, ended = self._runtime.verbs.reap()
        for reaped in ended:
            self._tell(reaped)
        self._bequeath(dead)
        for name in dead:
            self._delete_queue(queue_of(name))

    def _tick(self) -> None:
        ticked = self._runtime.verbs.tick()
        for job, app in ticked.timed_out:
            about = {"tenant": app.split("/")[0], "app": app, "job": job}
            self._log.info("job_finished", **about, outcome="timed_out")
        for ending in ticked.expiring:
            self._tell_expiring(ending)

    def _tell_expiring(self, ending: Expiring) -> None:
        self._log.log(
            loudness(ending.within),
            "credential_expires",
            tenant=ending.app.split("/")[0],
            app=ending.app,
            slot=ending.slot,
            fingerprint=ending.fingerprint,
            not_after=rfc3339(ending.not_after * 1e6),
            days_left=math.floor(ending.left / DAY * 10) / 10,
            within=ending.within,
        )

    def _speak_of_words(self) -> None:
        # Learned at every beat, so that an operator's word is obeyed within one.
        self._runtime.words.learn(self._runtime.wordbook.said())
        self._runtime.wordbook.count(self._runtime.hearing.take())

    def _tell(self, reaped: Reaped) -> None:
        self._log.warning(
            "lease_reaped",
            tenant=reaped.app.split("/")[0],
            app=reaped.app,
            job=reaped.job,
            slice=reaped.lease,
            again=reaped.again,
            unknown=reaped.unknown,
            failed=reaped.failed,
        )
        items.tell_reaped(reaped)

    def _delete_queue(self, name: str) -> None:
        try:
            with self._app.connection_for_write() as connection:
                connection.default_channel.queue_delete(name)
        except Exception as error:  # an empty list in the store is untidy, not wrong
            self._log.warning("queue_left_behind", queue=name, error=type(error).__name__)
