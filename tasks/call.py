"""One backend operation by its name, as the job's parameters give it."""

from __future__ import annotations

from dataclasses import replace

from bulkhead.backend import users
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Refused


def call(facts: JobFacts, item: Item) -> Call | Refused:
    """The call that was asked for, repeated only where a second one is known to change nothing.

    Its answer is kept in the result, for the person who asked; secrets are taken out.
    """
    del item
    try:
        asked = users.raw(str(facts.params["op"]), facts.params["body"])
        return replace(asked, shows=True)
    except (InvalidInput, KeyError) as error:
        # Checked before the job was made; this one came from elsewhere.
        why = error.what if isinstance(error, InvalidInput) else "the job names no operation"
        return Refused("UNSENDABLE", why)
