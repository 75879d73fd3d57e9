"""One recipient of a broadcast: a group, or a person."""

from __future__ import annotations

import json
from functools import lru_cache

from bulkhead.backend import messages
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.model.broadcast import Letter, Reader
from bulkhead.model.outcome import Refused
from bulkhead.model.user import Problem

LETTERS_KEPT = 64


def send(facts: JobFacts, item: Item) -> Call | Refused:
    """Send the job's message, with this row's values, to the group or person of the row."""
    try:
        letter = _letter(json.dumps(facts.params, sort_keys=True))
    except (InvalidInput, KeyError, TypeError):
        return Refused("UNSENDABLE", "the job names no message that can be sent")
    # Checked before the job was made; a retry brings rows here that were refused then.
    found = Reader(letter, facts.mapping).read(item.cells, item.line)
    if isinstance(found, Problem):
        return Refused(found.code, found.message)
    if found.gid is not None:
        return messages.to_group(letter, found.text, found.gid)
    return messages.to_people(letter, found.text, [found.address])


@lru_cache(LETTERS_KEPT)
def _letter(params: str) -> Letter:
    return Letter.of(json.loads(params))
