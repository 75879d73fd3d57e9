"""Claims what is fairest to run now, for as many calls as are free, and hands it to Celery."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from structlog import get_logger

from bulkhead.engine.connect import open_client
from bulkhead.engine.verbs import Claim
from bulkhead.errors import Unreachable
from worker.runtime import Runtime

PARCEL = 100
"""Items in a parcel."""

POLL = 1.5
"""Seconds: a bell that was lost costs no more than this."""

SOON = 0.012
"""Seconds: the store ends a wait some 10 ms late (`hz 100`), so shorter ones are our own."""


class Feeder(threading.Thread):
    """A thread of a worker; its connections are its own."""

    def __init__(self, runtime: Runtime, app: Any) -> None:
        super().__init__(name="feeder", daemon=True)
        self._runtime = runtime
        self._app = app
        self._bell: Redis = open_client(runtime.site.store_url)
        self._producer: Any = None
        self._log = get_logger()

    def run(self) -> None:
        """Feed until stopping is asked for; a store that is away is waited for."""
        stopping = self._runtime.stopping
        with self._app.connection_for_write() as connection:
            while not stopping.asked:
                try:
                    self._feed_once(connection)
                except Unreachable as error:
                    self._log.warning("worker_lost_store", error=error.why)
                    stopping.wait(POLL)
                except Exception:
                    # What was claimed and not handed over ends by itself within two seconds.
                    self._log.exception("feeder_failed")
                    stopping.wait(POLL)

    def finish(self) -> None:
        """Give back what was claimed and did not arrive, and delete the queue."""
        self.join(timeout=POLL + 1)
        with suppress(Unreachable):
            self._runtime.verbs.give_back(self._runtime.slots.abandon())
        self._bell.close()

    def _feed_once(self, connection: Any) -> None:
        free = self._runtime.slots.wait_free(POLL)
        if not free:
            return
        claim = self._runtime.verbs.claim(free.calls, PARCEL, self._runtime.delay.seconds)
        if claim.draining:
            self._drain()
        elif claim.slices:
            self._publish(claim, connection)
        else:
            self._listen(claim.next_due)

    def _drain(self) -> None:
        """Wait for what this worker holds, then end it as a signal would."""
        if self._runtime.slots.wait_empty(POLL) and not self._runtime.stopping.asked:
            self._log.info("worker_drained", worker=self._runtime.verbs.worker)
            self._runtime.stopping.ask_drained()
            os.kill(os.getpid(), signal.SIGTERM)

    def _publish(self, claim: Claim, connection: Any) -> None:
        parcel = list(claim.slices)
        self._runtime.slots.take(parcel)
        try:
            self._app.send_task(
                "tasks.run_parcel",
                args=[[part.to_message() for part in parcel]],
                queue=self._runtime.queue,
                producer=self._kept_producer(connection),
                argsrepr="-",
            )
        except Exception:
            self._producer = None
            self._runtime.slots.begin(parcel)
            self._runtime.slots.release(parcel)
            with suppress(Unreachable):
                self._runtime.verbs.give_back([part.lease for part in parcel])
            raise

    def _kept_producer(self, connection: Any) -> Any:
        # Given a connection only, Celery opens a channel of it for each message.
        if self._producer is None:
            self._producer = self._app.amqp.Producer(connection, auto_declare=False)
        return self._producer

    def _listen(self, next_due: float | None) -> None:
        seconds = POLL if next_due is None else min(POLL, next_due)
        if seconds <= SOON:
            self._runtime.stopping.wait(seconds)
            return
        bell = self._runtime.verbs.bell
        try:
            self._bell.blpop([bell], timeout=seconds)
        except RedisError as error:
            raise Unreachable("the bell cannot be heard", why=type(error).__name__) from error
