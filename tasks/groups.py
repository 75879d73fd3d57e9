"""What is done about a group that is to be made: once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from bulkhead.backend import groups
from bulkhead.backend.call import Call
from bulkhead.backend.users import MOST_LISTED
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.group import Group, GroupMapping, read_group
from bulkhead.model.group_record import Listed, Want, known_as
from bulkhead.model.kind import ADOPT, LOOK_FIRST, MEMBERS, READ_BACK, REPEATED, family
from bulkhead.model.outcome import Done, Next, Outcome, Refused, Skipped, Unknown, Upstream
from bulkhead.model.slice import Known, Report
from bulkhead.model.user import Problem
from tasks.asked import Asked

READ_KEPT = 4_096
ROOT = "root"
"""The parameter of a retry that names the job whose lines its rows have."""
MADE = Upstream("groupadd")


def read(facts: JobFacts, item: Item) -> Group | Refused:
    """The group of the item's row, or why there is none."""
    found = _reader(tuple(facts.mapping.items()))(tuple(item.cells))
    return Refused(found.code, found.message) if isinstance(found, Problem) else found


def row_of(facts: JobFacts, job: str, item: Item, group: Group) -> str:
    """What stands for the row on our record, in this job and in one that runs it again."""
    if group.custom_id:
        return f"c:{group.custom_id}"
    return f"r:{facts.params.get(ROOT) or job}:{item.line}"


def claimed(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with what the store says to making its group: asked before it is sent."""
    facts, part = asked.facts, asked.part
    readable = [(item, read(facts, item)) for item in items]
    wanted = [(item, group) for item, group in readable if isinstance(group, Group)]
    wants = [
        Want(
            row_of(facts, part.job, item, group),
            item.index,
            group.custom_id,
            group.name or "",
            group.digest,
        )
        for item, group in wanted
    ]
    answers = asked.cabinet.groups.claim(part.app, part.job, wants)
    told = {item.index: one for (item, _), one in zip(wanted, answers, strict=True)}
    return [replace(item, group=told.get(item.index, item.group)) for item in items]


def spare(facts: JobFacts, item: Item) -> Outcome | None:
    """What becomes of a row without a call: its group is there, or may be, or is another job's."""
    group, told = read(facts, item), item.group
    if isinstance(group, Refused) or told.verdict in ("", "own"):
        return None
    if told.verdict == "taken":
        return Refused("GROUP_TAKEN", f"{told.said} is about to make this group")
    if told.verdict == "doubt":
        return _in_doubt(group, told.said)
    return _there(group, item)


def spare_read_back(facts: JobFacts, item: Item) -> Outcome | None:
    """The same of a row whose groupadd was not answered: without a name nothing can be found."""
    group, told = read(facts, item), item.group
    if isinstance(group, Refused):
        return None
    if told.verdict == "known":
        return _there(group, item)
    if not group.name:
        return Unknown("sent, not confirmed, and it has no name to look for", groups.NOTHING_SAID)
    return None


def create(facts: JobFacts, item: Item) -> Call | Refused:
    """Make the group, with as many members as fit in."""
    group = read(facts, item)
    return group if isinstance(group, Refused) else groups.groupadd(group)[0]


def created(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A group that was made goes on to its other members; without a gid it is looked for."""
    del known
    group = read(facts, item)
    if not isinstance(outcome, Done) or isinstance(group, Refused):
        return outcome
    gid = outcome.upstream.details.get("gid")
    if gid is None:
        return Next(READ_BACK, outcome.upstream)
    taken = groups.groupadd(group)[1]
    if taken < len(group.members):
        return Next(f"{MEMBERS}.{taken}", outcome.upstream, why=str(gid))
    return replace(outcome, detail="created")


def look_for(facts: JobFacts, item: Item) -> Call | Refused:
    """Ask for the groups of this name."""
    group = read(facts, item)
    return group if isinstance(group, Refused) else groups.groupsget(group.name or "")


def tell_listed(
    again: bool, facts: JobFacts, item: Item, known: Known | None, outcome: Outcome
) -> Outcome:
    """What is listed is compared with our record; `again`: it may be made if it is not there."""
    del known
    group = read(facts, item)
    if isinstance(outcome, Refused):
        return _cannot_tell(outcome.upstream, "the backend refused to list groups")
    if not isinstance(outcome, Done) or isinstance(group, Refused):
        return outcome
    if outcome.groups is None:
        return _cannot_tell(outcome.upstream, "the list of groups could not be read")
    named = [gid for gid, name in outcome.groups if name == group.name]
    full = len(outcome.groups) >= MOST_LISTED
    listed = Listed(named, full, again, group.name or "")
    return Next(ADOPT, outcome.upstream, why=listed.to_json())


def not_listed(facts: JobFacts, item: Item, outcome: Refused | Unknown) -> Outcome:
    """That nobody answers the question says nothing about what was asked after."""
    del facts, item
    return _cannot_tell(outcome.upstream, outcome.message)


def compared(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with what our record says of the groups that were listed for it."""
    facts, part = asked.facts, asked.part
    found = []
    whys = asked.cabinet.whys(part.job, [item.index for item in items])
    for item, why in zip(items, whys, strict=True):
        group = read(facts, item)
        if isinstance(group, Refused) or not why:
            found.append(item)
            continue
        by = row_of(facts, part.job, item, group)
        # Its members may be missing, so it is not complete before they were added.
        book = known_as(group, part.job, by, complete=not group.members)
        told = asked.cabinet.groups.adopt(part.app, by, Listed.of(why), book)
        found.append(replace(item, why=why, group=told))
    return found


def adopt(facts: JobFacts, item: Item) -> Outcome:
    """What becomes of a row whose group was looked for. Takes no call."""
    group, told = read(facts, item), item.group
    if isinstance(group, Refused) or not item.why:
        return _cannot_tell(None, "what was listed is not kept any more")
    if told.verdict == "one":
        return _confirmed(group, told.gid)
    if told.verdict == "many":
        return _cannot_tell(None, "the list may hold groups of that name from other rows")
    if Listed.of(item.why).again:
        return Next(REPEATED)
    return _cannot_tell(None, "no group of that name is listed that could be it")


def with_gid(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the gid of the group that was made for it."""
    whys = asked.cabinet.whys(asked.part.job, [item.index for item in items])
    return [
        replace(item, why=why, step=asked.part.step) for item, why in zip(items, whys, strict=True)
    ]


def add_members(facts: JobFacts, item: Item) -> Call | Refused:
    """Add as many of the row's members as fit into a call, from where the step begins."""
    group = read(facts, item)
    if isinstance(group, Refused):
        return group
    if not item.why:
        return Refused("UNSENDABLE", "the gid of the group is not kept any more")
    return groups.add_members(int(item.why), group, _place(item))[0]


def members_added(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """The item goes on until all its members are in; a refusal names the group that is there."""
    del known
    group = read(facts, item)
    if isinstance(group, Refused) or not item.why:
        return outcome
    if isinstance(outcome, Refused):
        what = f"group {item.why} is there, but not all of its members: {outcome.message}"
        return replace(outcome, message=what)
    if not isinstance(outcome, Done):
        return outcome
    done = groups.add_members(int(item.why), group, _place(item))[1]
    if done < len(group.members):
        return Next(f"{MEMBERS}.{done}", outcome.upstream, why=item.why)
    upstream = replace(outcome.upstream, details={"gid": int(item.why)})
    detail = "created" if facts.kind == "groups.create" else "updated"
    return replace(outcome, detail=detail, upstream=upstream)


def remember(report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome) -> None:
    """Add to the report what became of the group, so that it is not made again."""
    group, gid = read(facts, item), _gid_of(item, outcome)
    if isinstance(group, Refused) or family(step) in (READ_BACK, LOOK_FIRST):
        return
    by = row_of(facts, report.job, item, group)
    if isinstance(outcome, Refused) and family(step) != MEMBERS:
        report.groups.append(("end", by, ""))
    elif gid and isinstance(outcome, Done | Next):
        complete = isinstance(outcome, Done)
        told = known_as(group, report.job, by, complete=complete)
        report.groups.append(("put", gid, told.to_json()))


def _gid_of(item: Item, outcome: Outcome) -> str:
    """The gid that is known by now, from the answer or from the step before."""
    if not isinstance(outcome, Done | Next) or outcome.upstream is None:
        return ""
    gid = outcome.upstream.details.get("gid")
    return str(gid) if gid is not None else item.why if item.why.isdecimal() else ""


def _there(group: Group, item: Item) -> Outcome:
    """The group is on our record: done as it is, or its members are still to be added."""
    told, known = item.group, item.group.known
    if known is None:
        return Refused("GROUP_EXISTS", f"group {told.gid} has this custom_id, and no more is known")
    by = known.job or "a job that is forgotten by now"
    if known.digest == group.digest:
        return Skipped("already_done", message=f"made before: group {told.gid}, by {by}")
    if not known.digest and known.part == group.digest:
        return Next(f"{MEMBERS}.0", why=told.gid)
    what = f"group {told.gid} has this custom_id, from another row of {by}"
    return Refused("GROUP_EXISTS", f"{what}; change it with `groups set`")


def _in_doubt(group: Group, digest: str) -> Outcome:
    if group.digest != digest:
        what = "an earlier job may have made this group, from a row that said something else"
        return Unknown(f"{what}; run that row again first", MADE)
    if not group.name:
        return _cannot_tell(None, "an earlier job may have made it, and it has no name to look for")
    return Next(LOOK_FIRST)


def _confirmed(group: Group, gid: str) -> Outcome:
    if group.members:
        # Which of them were taken over with it is not known, and to add one twice changes nothing.
        return Next(f"{MEMBERS}.0", why=gid)
    upstream = Upstream("groupsget", details={"gid": int(gid)})
    return Done(upstream, detail="confirmed_by_read_back")


def _cannot_tell(upstream: Upstream | None, why: str) -> Unknown:
    message = f"sent, not confirmed, and reading back cannot settle it: {why}"
    return Unknown(message, upstream or groups.NOTHING_SAID)


def _place(item: Item) -> int:
    """How many of the row's members are in the group already."""
    number = item.step.partition(".")[2]
    return int(number) if number.isdecimal() else 0


# As for users: a row is read before its slice begins, for its call and for the record.
@lru_cache(16)
def _reader(places: tuple[tuple[str, int], ...]) -> Callable[[Sequence[str]], Group | Problem]:
    return lru_cache(READ_KEPT)(partial(read_group, GroupMapping(**dict(places))))
