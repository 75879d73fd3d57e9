"""Celery's consumer, reconnecting as soon as the store is back."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.state import maybe_shutdown
from structlog import get_logger

FIRST, STEP, LONGEST = 0.5, 0.5, 3.0
"""Seconds between attempts. Celery's own grow to 30, longer than work may rest."""


class Consumer(CeleryConsumer):  # type: ignore[misc]
    """Waits for a store that is away for as long as it takes, and never for long at a time."""

    def ensure_connected(self, conn: Any) -> Any:
        """The connection, made as soon as it can be."""

        def say(error: Exception, interval: float) -> None:
            get_logger().warning("worker_lost_store", error=type(error).__name__, again_in=interval)

        connected = conn.ensure_connection(
            say,
            None,
            interval_start=FIRST,
            interval_step=STEP,
            interval_max=LONGEST,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return connected
