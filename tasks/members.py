"""Members of groups: many a call, and fewer at a time where a call was refused for several."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from bulkhead.backend import members
from bulkhead.backend.call import Call
from bulkhead.backend.words import plain
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.model.kind import FIRST
from bulkhead.model.member_steps import SPLITS
from bulkhead.model.members import Member, Membership, Reader
from bulkhead.model.outcome import Done, Next, Outcome, Refused, Retry, Upstream
from bulkhead.model.slice import Known
from bulkhead.model.user import Problem

ORDERS_KEPT = 64
DETAILS = {"add": "member_added", "remove": "member_removed"}

STEPS = (FIRST, *SPLITS)
NEXT_OF = dict(pairwise(STEPS))
"""Step → the step with about half as many members a call."""


def edit(facts: JobFacts, item: Item) -> Call | Refused:
    """Add or remove the member of this row."""
    return edit_several(facts, (item,))


def edit_several(facts: JobFacts, items: Sequence[Item]) -> Call | Refused:
    """Add or remove these members of one group."""
    asked = _asked(facts)
    if asked is None:
        return Refused("UNSENDABLE", "the job does not say what is to be done")
    found = [_read(facts, asked, item) for item in items]
    people = [one for one in found if isinstance(one, Member)]
    for one in found:
        if isinstance(one, Problem):
            return Refused(one.code, one.message)
    return members.edit(asked, people[0].gid, [one.address for one in people])


def alike(facts: JobFacts, item: Item) -> tuple[Hashable, int]:
    """Members of one group share a call; a row that cannot be sent stands alone."""
    asked = _asked(facts)
    found = None if asked is None else _read(facts, asked, item)
    if isinstance(found, Member):
        return found.gid, members.size(found.address)
    return ("bad", item.index), 0


def done(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What was done, and to which group."""
    del known
    upstream = getattr(outcome, "upstream", None)
    asked = _asked(facts)
    found = None if asked is None else _read(facts, asked, item)
    if asked is None or not isinstance(found, Member) or not isinstance(upstream, Upstream):
        return outcome
    upstream = replace(upstream, details={**upstream.details, "gid": found.gid})
    if isinstance(outcome, Done):
        return replace(outcome, detail=DETAILS[asked.verb], upstream=upstream)
    if isinstance(outcome, Refused | Retry):
        return replace(outcome, upstream=upstream)
    return outcome


def parted(
    step: str, facts: JobFacts, item: Item, known: Known | None, outcome: Outcome
) -> Outcome:
    """What a call for several means for one of them: who was refused goes on among fewer."""
    refused = isinstance(outcome, Refused) or (
        # Of one member such a word is tried three times; among several it means one of them.
        isinstance(outcome, Retry) and outcome.code == "UNLISTED"
    )
    if refused and step in NEXT_OF and not _is_about_all(outcome):
        return Next(NEXT_OF[step], getattr(outcome, "upstream", None))
    return done(facts, item, known, outcome)


def _is_about_all(outcome: Outcome) -> bool:
    """True if the refusal would be the same for any member.

    Whether it names the group is a guess from its word: the words are documented nowhere.
    """
    if getattr(outcome, "code", "") in ("BADOP", "UNSENDABLE"):
        return True
    upstream = getattr(outcome, "upstream", None)
    word = plain(upstream.error or "") if isinstance(upstream, Upstream) else ""
    about_group = "GROUP" in word or "GID" in word
    return about_group and not any(one in word for one in ("USER", "MEMBER", "ADDRESS"))


def _read(facts: JobFacts, asked: Membership, item: Item) -> Member | Problem:
    return Reader(asked.gid, facts.mapping).read(item.cells)


def _asked(facts: JobFacts) -> Membership | None:
    try:
        return _membership(json.dumps(facts.params, sort_keys=True))
    except (InvalidInput, TypeError):
        return None


@lru_cache(ORDERS_KEPT)
def _membership(params: str) -> Membership:
    return Membership.of(json.loads(params))
