"""What the store is told of a message that mesibo accepted, so that events about it are placed."""

from __future__ import annotations

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.broadcast import ADDRESS, GROUP, is_gid
from bulkhead.model.delivery import LOW_WORD, recipient_digest
from bulkhead.model.outcome import Done, Outcome, Unknown
from bulkhead.model.slice import Report


def remember(report: Report, facts: JobFacts, item: Item, outcome: Outcome) -> None:
    """Add the number of the item's message; nothing where nobody knows it.

    A session's message has one before it is sent, and may be heard of when its item is unknown.
    """
    upstream = outcome.upstream if isinstance(outcome, Done | Unknown) else None
    mid = upstream.details.get("mid") if upstream else None
    if not isinstance(mid, int):
        return
    group = _cell(facts, item, GROUP)
    recipient = f"gid:{int(group)}" if is_gid(group) else _cell(facts, item, ADDRESS)
    report.mids.append((item.index, mid & LOW_WORD, recipient_digest(recipient)))


def _cell(facts: JobFacts, item: Item, name: str) -> str:
    column = facts.mapping.get(name, -1)
    return item.cells[column].strip() if 0 <= column < len(item.cells) else ""
