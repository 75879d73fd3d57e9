"""The Celery front door: fetches by itself, so that no message is ever in no list at all."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Protocol

from structlog import get_logger

from bulkhead.engine.front import Front
from bulkhead.errors import Unreachable
from worker.heir import Heir
from worker.postman import Postman
from worker.stopping import Stopping

IDLE = 1.5
"""Seconds that an idle door waits at the plain list; it says three commands in that time."""

PAUSE = 1.0
"""Seconds between attempts while store or broker is away, or full."""

SWEEP = 60.0
"""Seconds between looks for what was left behind and nobody told us of."""


class Reception(Protocol):
    """What is done with a message, wherever it came from."""

    def receive(self, message: bytes) -> None:
        """Carry it out, or bury it with the reason. Raises Unreachable: it is tried again."""

    def sweep(self) -> None:
        """Forget what is too old."""


class Door(threading.Thread):
    """A thread of a worker. Messages are carried out one after another."""

    def __init__(
        self, front: Front, reception: Reception, postman: Postman, heir: Heir, stopping: Stopping
    ) -> None:
        super().__init__(name="door", daemon=True)
        self.heir = heir
        self._front = front
        self._reception = reception
        self._postman = postman
        self._stopping = stopping
        self._sweep_at = 0.0
        self._waits = False
        self._log = get_logger()

    def run(self) -> None:
        """Serve until stopping is asked for; a store or broker that is away is waited for."""
        while not self._stopping.asked:
            try:
                self._front.register()
                while not self._stopping.asked:
                    self._serve()
                self._front.leave()
            except Unreachable as error:
                if not self._waits:
                    self._log.warning("door_waits", error=error.what, why=error.why)
                self._waits = True
                self._stopping.wait(PAUSE)
            except Exception:
                # What is in hand stays there, and is taken first the next time.
                self._log.exception("door_failed")
                self._stopping.wait(PAUSE)

    def finish(self) -> None:
        """Wait for the message in hand; one that cannot be done now is left to the others."""
        self.join(timeout=IDLE + PAUSE + 1)
        self._postman.close()
        self._front.close()

    def _serve(self) -> None:
        self.heir.adopt()
        if monotonic() >= self._sweep_at:
            # Whoever looked before our first beat may have taken us for dead.
            self._front.register()
            self.heir.look()
            self._reception.sweep()
            self._sweep_at = monotonic() + SWEEP
        self._postman.deliver()
        message = self._front.take() or self._front.wait(IDLE)
        if message is not None:
            self._reception.receive(message)
            self._front.done(message)
        self._waits = False
