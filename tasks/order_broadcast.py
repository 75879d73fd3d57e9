"""A broadcast that is ordered by a message."""

from __future__ import annotations

from bulkhead.broadcast_order import OF_A_BROADCAST, order
from bulkhead.model.job import Job
from bulkhead.ordering import Options
from bulkhead.payloads.models import Broadcast
from tasks.desk import Desk


def order_broadcast(desk: Desk, payload: Broadcast, app: str, options: Options) -> Job:
    """The job that the payload asks for. Raises BulkheadError.

    A time that is over is no mistake here: the message may have waited for a worker.
    """
    asked = {name: getattr(payload, name) for name in OF_A_BROADCAST if hasattr(payload, name)}
    return order(desk.scripts, app, asked, options).made.submit(desk.scripts)
