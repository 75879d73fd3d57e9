"""What the calls of a rotation need: files from the store, and what the webhook has said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bulkhead.engine.cabinet import Item, JobFacts, Supply
from bulkhead.errors import NotFound
from bulkhead.inbound.event import PushResult
from bulkhead.model.kind import FIRST
from bulkhead.model.push import Doubt
from bulkhead.model.rotation import RotationRow
from tasks.asked import Asked

WITHIN = 60.0
"""Seconds that a test's result is waited for, where the job does not say."""
SLACK_MS = 2_000
"""By so much may a worker's clock be ahead of the store's, which dates the events."""


def with_new(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the file that its slot is to hold, and what that holds by our record.

    From the first upload on it is in doubt what the slot holds, until the item has ended.
    """
    supplied = [_supplied(asked, item, row_of(item).credential) for item in items]
    if asked.part.step == FIRST:
        sent = [row_of(item) for item in supplied if not is_there(asked.facts, item)]
        doubts = {row.slot: Doubt(asked.part.job, row.credential) for row in sent}
        asked.cabinet.push_record.doubt(asked.part.app, doubts)
    return supplied


def with_previous(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the file that its slot held before."""
    return [_supplied(asked, item, row_of(item).previous) for item in items]


def with_result(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with what the webhook has said about its test, if anything."""
    return [_with_result(asked, item) for item in with_new(asked, items)]


def _supplied(asked: Asked, item: Item, credential: str) -> Item:
    if not credential:
        return item
    try:
        kept, content = asked.cabinet.credential(credential)
    except NotFound:
        return item
    record, slot = asked.cabinet.push_record, row_of(item).slot
    held, doubt = record.slots(asked.part.app).get(slot), record.doubts(asked.part.app).get(slot)
    doubted = doubt is not None and doubt.job != asked.part.job
    return replace(item, supply=Supply(kept, content, held, doubted))


def _with_result(asked: Asked, item: Item) -> Item:
    """With the newest result of a test that the probe was sent, and the time that is left."""
    if item.supply is None:
        return item
    tries = asked.begun.tries.get(item.index)
    since = tries.first_at if tries else int(asked.now * 1000)
    left = since / 1000 + within(asked.facts) - asked.now
    heard = _heard(asked, since - SLACK_MS)
    return replace(item, supply=replace(item.supply, heard=heard, patience=max(0.0, left)))


def _heard(asked: Asked, since_ms: int) -> PushResult | None:
    address, found = asked.facts.params.get("address"), None
    for received in asked.cabinet.inbound.events(asked.part.app, f"{max(0, since_ms)}-0"):
        what = received.event.what
        if isinstance(what, PushResult) and what.address == address and what.ok is not None:
            found = what
    return found


def is_there(facts: JobFacts, item: Item) -> bool:
    """True if the slot certainly holds the file by our record, and no other word was given."""
    supply = item.supply
    if facts.params.get("force") or supply is None or supply.doubted or supply.held is None:
        return False
    return supply.held.credential == row_of(item).credential


def row_of(item: Item) -> RotationRow:
    """The item's row. Raises TypeError for one that no rotation made."""
    return RotationRow.of(item.cells)


def within(facts: JobFacts) -> float:
    """Seconds that a test's result is waited for."""
    return float(facts.params.get("verify_within", WITHIN))
