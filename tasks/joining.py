"""People who were imported become members of the groups that their row names, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bulkhead.backend import groups
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.group_record import InOurRecord
from bulkhead.model.kind import ISSUE, JOIN_FOR_TOKEN, family
from bulkhead.model.outcome import Done, Next, Outcome, Refused
from bulkhead.model.slice import Known
from bulkhead.model.user import User
from tasks.asked import Asked
from tasks.users import read, user_of


def resolved(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items at their step, with the gids of the groups that our record has; one look for all.

    A number is a gid, whatever our record says.
    """
    step = asked.part.step
    placed = [replace(item, step=step) for item in items]
    names = {_name(asked.facts, item) for item in placed}
    gids = asked.cabinet.groups.gids(
        asked.part.app, sorted(name for name in names if name and not _is_number(name))
    )
    told = InOurRecord(gids=gids)
    return [replace(item, group=told) for item in placed]


def join(facts: JobFacts, item: Item) -> Call | Refused:
    """Make the person a member of the next group."""
    user = read(facts, item)
    if isinstance(user, Refused):
        return user
    name = _name(facts, item)
    gid = name if _is_number(name) else item.group.gids.get(name, "")
    if not gid:
        what = "the person is there, but joins no group of a custom_id that is not on our record"
        return Refused("GROUP_UNKNOWN", f"{what}: {name}")
    return groups.join(int(gid), user.address)


def joined(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """The person goes on to the next group, then to the token where one is asked for."""
    del known
    user = user_of(facts, item)
    if user is None:
        return outcome
    if isinstance(outcome, Refused):
        what = f"the person is there, but no member of {_name(facts, item)}"
        return replace(outcome, message=f"{what}: {outcome.message}")
    if not isinstance(outcome, Done):
        return outcome
    place = _place(item) + 1
    if place < len(user.groups):
        return Next(f"{family(item.step)}.{place}", outcome.upstream)
    if family(item.step) == JOIN_FOR_TOKEN:
        return Next(ISSUE, outcome.upstream)
    return replace(outcome, detail="created_or_updated")


def _name(facts: JobFacts, item: Item) -> str:
    user, place = user_of(facts, item), _place(item)
    return user.groups[place] if isinstance(user, User) and place < len(user.groups) else ""


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _place(item: Item) -> int:
    """How many of the row's groups the person has joined already."""
    number = item.step.partition(".")[2]
    return int(number) if number.isdecimal() else 0
