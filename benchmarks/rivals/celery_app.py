"""Celery with one task per item."""

from __future__ import annotations

import os
import time

from celery import Celery

from benchmarks.leg import address
from benchmarks.rivals.call import call

app = Celery("rival", broker=os.environ["RIVAL_BROKER"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task  # type: ignore[untyped-decorator]
def add_user(address: str, name: str) -> None:
    call(address, name)


def send(items: int) -> float:
    """Send one task per item over one open connection; the seconds it took."""
    with app.producer_pool.acquire(block=True) as producer:
        began = time.monotonic()
        for number in range(items):
            add_user.apply_async((address(number), f"User {number}"), producer=producer)
        return time.monotonic() - began
