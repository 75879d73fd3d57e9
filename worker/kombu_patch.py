"""Keeps a worker alive when its store restarts; to be dropped when kombu does it."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as transport
from redis.exceptions import ConnectionError as StoreGone


def apply() -> None:
    """Make a closed transport look like a lost connection, which Celery knows how to mend.

    kombu 5.7.0 restores unacked messages through a transport that has no client any more and
    ends the process with an AttributeError. tests/e2e/test_store_restart.py holds this.
    """
    channel: Any = transport.Channel
    original = channel._connparams
    if getattr(original, "bulkhead", False):
        return

    def connparams(self: Any, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise StoreGone("the transport is closed already")
        return original(self, asynchronous)

    connparams.bulkhead = True  # type: ignore[attr-defined]
    channel._connparams = connparams
