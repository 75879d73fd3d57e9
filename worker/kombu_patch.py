"""What kombu 5.7.0 does that we cannot live with; each to be dropped when kombu mends it."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as transport
from redis.exceptions import ConnectionError as StoreGone

WAITS = 2
"""Seconds that one BRPOP waits; kombu's own `polling_interval` would make others sleep."""


def apply() -> None:
    """Mend the transport, once a process."""
    if getattr(transport.Channel, "mended_by_bulkhead", False):
        return
    channel: Any = transport.Channel
    channel.mended_by_bulkhead = True
    transport.Transport.brpop_timeout = WAITS
    channel._connparams = _survive_a_restart(channel._connparams)
    channel.QoS.ack = _pass_over_what_needs_no_ack(channel.QoS.ack)


def _survive_a_restart(original: Any) -> Any:
    """Make a closed transport look like a lost connection, which Celery knows how to mend.

    kombu restores unacked messages through a transport that has no client any more and ends the
    process with an AttributeError. tests/e2e/test_store_restart.py holds this.
    """

    def connparams(self: Any, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise StoreGone("the transport is closed already")
        return original(self, asynchronous)

    return connparams


def _pass_over_what_needs_no_ack(original: Any) -> Any:
    """Save a round trip a parcel: a message of a `no_ack` queue is acknowledged all the same."""

    def ack(self: Any, delivery_tag: str) -> None:
        if delivery_tag in self._delivered:
            original(self, delivery_tag)

    return ack
