"""Members of groups, as a message orders them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bulkhead.engine.script import Scripts
from bulkhead.membering import Order, order_members
from bulkhead.model.job import Job
from bulkhead.ordering import Options
from bulkhead.payloads.models import EditMembers


def ordered_by(payload: EditMembers) -> Callable[..., Job]:
    """Makes the job that the payload asks for, given its items. Raises BulkheadError."""
    gid = "" if payload.gid is None else str(payload.gid)
    rights = payload.permissions or (), payload.admin or ()

    def make(scripts: Scripts, items: Iterable[object], *, app: str, options: Options) -> Job:
        return order_members(scripts, Order(app, payload.verb, gid, *rights), items, options)

    return make
