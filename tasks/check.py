"""The harmless call that tells whether an app's backend answers and accepts its token."""

from __future__ import annotations

from bulkhead.backend import users
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts


def probe(facts: JobFacts, item: Item) -> Call:
    """Ask for one user: it changes nothing, and touches nobody who would be billed for it.

    A backend without the operation answers BADOP, which also proves that it accepts the token.
    """
    del facts, item
    return users.raw("usersget", {"count": 1})
