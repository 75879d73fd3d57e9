"""What the calls of a rotation need: files from the store, and what the webhook has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.inbound.event import PushResult
from bulkhead.model.push import Wish
from bulkhead.model.rotation import WITHIN, RotationRow
from tasks.asked import Asked
from tasks.push import with_file, with_files

ROWS_KEPT = 512
"""Of items that are under way."""
SLACK_MS = 2_000
"""By so much may a worker's clock be ahead of the store's, which dates the events."""


def wish(facts: JobFacts, item: Item) -> Wish:
    """The new file, where its slot still holds what the plan said."""
    row = row_of(item)
    new, previous = row.new, row.previous.credential if row.previous else ""
    return Wish(
        new.slot, new.credential, bool(facts.params.get("force")), (previous, new.credential)
    )


def wish_back(facts: JobFacts, item: Item) -> Wish:
    """The file before, where its slot still holds the new one."""
    del facts
    row = row_of(item)
    old = row.previous.credential if row.previous else ""
    return Wish(row.new.slot, old, force=True, expected=(row.new.credential,))


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
    heard = _heard(asked, address_of(asked.facts, item), since - SLACK_MS)
    return replace(item, supply=replace(item.supply, heard=heard, patience=max(0.0, left)))


def _heard(asked: Asked, address: str, since_ms: int) -> PushResult | None:
    found = None
    for received in asked.cabinet.inbound.events(asked.part.app, f"{max(0, since_ms)}-0"):
        what = received.event.what
        if isinstance(what, PushResult) and what.address == address and what.ok is not None:
            found = what
    return found


def row_of(item: Item) -> RotationRow:
    """The item's row. Raises ValueError for one that no rotation made."""
    return _row(tuple(item.cells))


@lru_cache(ROWS_KEPT)
def _row(cells: tuple[str, ...]) -> RotationRow:
    """Asked for at each turn of an item: when it is begun, sent, concluded and reported."""
    return RotationRow.of(cells)


def options_of(facts: JobFacts, item: Item) -> Mapping[str, bool]:
    """The options that the item's app is to have; none where none are named."""
    own = row_of(item).options
    return own if own is not None else facts.params.get("options") or {}


def address_of(facts: JobFacts, item: Item) -> str:
    """The probe user of the item's app."""
    return row_of(item).address or str(facts.params.get("address", ""))


def within(facts: JobFacts) -> float:
    """Seconds that a test's result is waited for."""
    return float(facts.params.get("verify_within", WITHIN))
