"""What the calls of a rotation need: files from the store, and what the webhook has said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.inbound.event import PushResult
from bulkhead.model.rotation import UNDO_RESULT, RotationRow
from tasks.asked import Asked
from tasks.push import with_file, with_files

WITHIN = 60.0
"""Seconds that a test's result is waited for, where the job does not say."""
SLACK_MS = 2_000
"""By so much may a worker's clock be ahead of the store's, which dates the events."""
LONG_AGO_MS = 600_000
"""A result that took an app back may be so much older than the time it was waited for."""


def with_previous(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the file that its slot held before, if it held one.

    With it comes what the webhook has said, where that is why an app goes back.
    """
    before = [(item, row_of(item).previous) for item in items]
    found = with_files(asked, [(item, row.credential if row else "") for item, row in before])
    if asked.part.step != UNDO_RESULT:
        return found
    heard = _heard(asked, round((asked.now - within(asked.facts)) * 1000) - LONG_AGO_MS)
    return [replace(i, supply=replace(i.supply, heard=heard)) if i.supply else i for i in found]


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
