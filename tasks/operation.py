"""From a job's kind to the call for one of its items."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.outcome import Refused
from tasks import check, users

Prepare = Callable[[JobFacts, Item], Call | Refused]

OPERATIONS: Mapping[str, Prepare] = {
    "users.import": users.provision,
    "apps.check": check.probe,
    "apps.check_token": check.probe,
}


def prepare(facts: JobFacts, item: Item) -> Call | Refused:
    """The call for this item, or why there is none."""
    operation = OPERATIONS.get(facts.kind)
    if operation is None:
        return Refused("UNSENDABLE", f"this worker does not know jobs of kind {facts.kind}")
    return operation(facts, item)
