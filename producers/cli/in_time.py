"""Refuses a job whose calls cannot all be made before its end, when its rows are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkhead.engine.request import Request
from bulkhead.lateness import refuse_late
from bulkhead.model.batch import Batch
from bulkhead.model.kind import KINDS
from producers.cli.context import Context
from producers.cli.quote import calls_an_item

if TYPE_CHECKING:
    from producers.cli.order import Order


def in_time(ctx: Context, order: Order) -> Order:
    """The same order, refused before it is sealed if it cannot finish in time.

    Not where the record may spare calls, nor where the idempotency key has its job already. Rows
    that come twice count twice.
    """
    request = order.request
    if request.deadline is None or _may_be_spared(request) or _was_made(ctx, request):
        return order
    counted = _Counted(ctx, order)
    return replace(order, batches=counted.batches(), describe=counted.describe)


class _Counted:
    """Counts the rows that would be sent as they pass."""

    def __init__(self, ctx: Context, order: Order) -> None:
        self._ctx = ctx
        self._order = order
        self._valid = 0

    def batches(self) -> Iterator[Batch]:
        for batch in self._order.batches:
            self._valid += len(batch.cells) - len(batch.problems)
            yield batch

    def describe(self) -> Mapping[str, Any]:
        request = self._order.request
        calls = self._valid * calls_an_item(request.kind, request.params)
        refuse_late(self._ctx.scripts, request, calls)
        return self._order.describe()


def _may_be_spared(request: Request) -> bool:
    known = KINDS.get(request.kind)
    return known is not None and known.record and not request.params.get("force")


def _was_made(ctx: Context, request: Request) -> bool:
    key = request.idempotency_key
    return bool(key) and ctx.jobs.made_with(request.tenant, key) is not None
