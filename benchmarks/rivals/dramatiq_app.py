"""Dramatiq with one message per item."""

from __future__ import annotations

import os
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.leg import address
from benchmarks.rivals.call import call

# No middleware: retries, time limits and the like cost something on every message.
broker = RedisBroker(url=os.environ["RIVAL_STORE"], middleware=[])
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="users")
def add_user(address: str, name: str) -> None:
    call(address, name)


def send(items: int) -> float:
    """Send one message per item; the seconds it took."""
    began = time.monotonic()
    for number in range(items):
        add_user.send(address(number), f"User {number}")
    return time.monotonic() - began
