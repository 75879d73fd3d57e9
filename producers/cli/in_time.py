"""Refuses a job whose calls cannot all be made before its end, when its rows are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkhead.engine.request import Request
from bulkhead.lateness import refuse_late
from bulkhead.model.kind import KINDS
from bulkhead.submitting import was_made
from producers.cli.context import Context
from producers.cli.passing import Passing
from producers.cli.quote import calls_an_item

if TYPE_CHECKING:
    from producers.cli.order import Order


def in_time(ctx: Context, order: Order) -> Order:
    """The same order, refused before it is sealed if it cannot finish in time.

    Not where the record may spare calls, nor where the idempotency key has its job already. Rows
    that come twice count twice.
    """
    request = order.request
    if request.deadline is None or _may_be_spared(request) or was_made(ctx.scripts, request):
        return order
    passing = Passing(order.batches)

    def describe() -> Mapping[str, Any]:
        calls = passing.valid * calls_an_item(request.kind, request.params)
        refuse_late(ctx.scripts, request, calls)
        return order.describe()

    return replace(order, batches=passing, describe=describe)


def _may_be_spared(request: Request) -> bool:
    known = KINDS.get(request.kind)
    return known is not None and known.record and not request.params.get("force")
