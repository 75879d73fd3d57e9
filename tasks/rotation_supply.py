"""What the calls of a rotation need: files from the store, and what the webhook has said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.inbound.event import PushResult
from bulkhead.model.rotation import RotationRow
from tasks.asked import Asked
from tasks.push import with_file, with_files

WITHIN = 60.0
"""Seconds that a test's result is waited for, where the job does not say."""
SLACK_MS = 2_000
"""By so much may a worker's clock be ahead of the store's, which dates the events."""


def with_previous(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the file that its slot held before, if any, and why it goes back."""
    job, why = asked.part.job, asked.cabinet.why
    before = [(replace(item, why=why(job, item.index)), row_of(item).previous) for item in items]
    return with_files(asked, [(item, row.credential if row else "") for item, row in before])


def with_result(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with what the webhook has said about its test, if anything."""
    return [_with_result(asked, item) for item in with_file(asked, items)]


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


def row_of(item: Item) -> RotationRow:
    """The item's row. Raises ValueError for one that no rotation made."""
    return RotationRow.of(item.cells)


def within(facts: JobFacts) -> float:
    """Seconds that a test's result is waited for."""
    return float(facts.params.get("verify_within", WITHIN))
