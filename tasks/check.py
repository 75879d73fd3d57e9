"""The harmless call that tells whether an app's backend answers and accepts its token."""

from __future__ import annotations

from bulkhead.backend import users
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import AppFacts, Cabinet, Item, JobFacts
from bulkhead.engine.rotation import CHECK
from bulkhead.errors import NotFound
from bulkhead.model.outcome import Outcome, Refused, Stopped
from bulkhead.model.slice import Known, Slice


def probe(facts: JobFacts, item: Item) -> Call:
    """Ask for one user: it changes nothing, and touches nobody who would be billed for it.

    A backend without the operation answers BADOP, which also proves that it accepts the token.
    """
    del facts, item
    return users.raw("usersget", {"count": 1})


def app_of(cabinet: Cabinet, part: Slice, version: str) -> AppFacts:
    """The app as this slice is to call it: with its next token, if the slice is to try that."""
    if part.kind == CHECK:
        try:
            return cabinet.candidate(part.app)
        except NotFound:
            # Dropped in the meantime: the answer with the token in use interests nobody.
            return cabinet.app(part.app, version)
    return cabinet.app(part.app, version)


def not_accepted(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """The outcome; a token that is only tried and is refused fails its check, not the app."""
    del facts, item, known
    if isinstance(outcome, Stopped):
        return Refused(outcome.code, outcome.message, outcome.upstream)
    return outcome
