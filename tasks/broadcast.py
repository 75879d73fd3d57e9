"""One recipient of a broadcast: a group, or a person."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any

from bulkhead.backend import messages
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.model.broadcast import Addressed, Letter, Reader, carried
from bulkhead.model.enclosure import Enclosure
from bulkhead.model.kind import MOST_JOINED
from bulkhead.model.outcome import Refused, Repeat
from bulkhead.model.user import Problem
from bulkhead.model.way import BACKEND

READERS_KEPT = 64


def send(facts: JobFacts, item: Item) -> Call | Refused:
    """Send the job's message, with this row's values, to the group or person of the row."""
    try:
        reader = _reader(facts)
    except (InvalidInput, KeyError, TypeError):
        return Refused("UNSENDABLE", "the job names no message that can be sent")
    # Checked before the job was made; a retry brings rows here that were refused then.
    found = reader.read(item.cells, item.line)
    if isinstance(found, Problem):
        return Refused(found.code, found.message)
    if found.gid is not None:
        return messages.to_group(reader.letter, found.text, found.gid)
    return messages.to_people(reader.letter, found.text, [found.address])


def by_session(facts: JobFacts, item: Item) -> Call | Refused:
    """The same message for the sender's own session, under the mid that is the item's for ever."""
    call = send(facts, item)
    if isinstance(call, Refused):
        return call
    written = dict(call.members["message"])
    file = facts.params.get("file")
    kept = {"file": file["sha256"], "file_name": file["name"]} if file else {}
    members = {
        "mid": facts.mid_of(item.index),
        "text": written.pop("message", ""),
        **{name: part for name, part in written.items() if name != "from"},
        **kept,
    }
    return Call("message", members, Repeat.ONCE, call.key)


def send_to_several(facts: JobFacts, items: Sequence[Item]) -> Call | Refused:
    """Send it to these people by one call, whose outcome is that of all of them."""
    reader = _reader(facts)
    found = [reader.read(item.cells, item.line) for item in items]
    people = [one for one in found if isinstance(one, Addressed)]
    return messages.to_people(reader.letter, people[0].text, [one.address for one in people])


def alike(facts: JobFacts, item: Item) -> tuple[Hashable, int]:
    """People to whom the same can be sent share a call; a group, or a bad row, has its own."""
    reader = _reader(facts)
    found = reader.read(item.cells, item.line)
    if isinstance(found, Problem) or found.gid is not None or not reader.letter.fixed:
        return item.index, 0
    # The text counts with each of them: together they leave room for it in one body.
    return "people", carried(found.address) + 1 + -(-reader.letter.size // MOST_JOINED)


def _reader(facts: JobFacts) -> Reader:
    params = facts.params
    texts = tuple(params.get(name, "") for name in ("message", "url", "title"))
    given, file = (tuple((params.get(name) or {}).items()) for name in ("given", "file"))
    letter = (params["from"], *texts, params["expiry"], given, params.get("via", BACKEND), file)
    return _made(letter, tuple(facts.mapping.items()))


# A job's message is the same for each of its rows, and read once.
@lru_cache(READERS_KEPT)
def _made(letter: tuple[Any, ...], mapping: tuple[tuple[str, int], ...]) -> Reader:
    sender, message, url, title, expiry, given, via, kept = letter
    file = Enclosure.from_params(dict(kept)) if kept else None
    told = Letter(sender, message, url, title, expiry, dict(given), via, file)
    return Reader(told, dict(mapping))
