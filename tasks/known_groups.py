"""What is done about groups that are there: they are changed, deleted, joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bulkhead.backend import groups
from bulkhead.backend.call import Call
from bulkhead.backend.users import MOST_LISTED
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.group import Group
from bulkhead.model.group_record import InOurRecord
from bulkhead.model.group_record import Known as KnownGroup
from bulkhead.model.kind import MEMBERS, READ_BACK, REPEATED
from bulkhead.model.outcome import Done, Next, Outcome, Refused, Retry, Unknown
from bulkhead.model.slice import Known, Report
from tasks.asked import Asked
from tasks.groups import read

_SETTINGS = ("name", "flags", "expiry", "expiryext", "active")


def found(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with the gid that its row means, and what is known of that group."""
    rows = [read(asked.facts, item) for item in items]
    named = [row.custom_id for row in rows if isinstance(row, Group) and row.gid is None]
    record, app = asked.cabinet.groups, asked.part.app
    gids = record.gids(app, list(filter(None, named)))
    meant = [_meant(row, gids) for row in rows]
    known = record.known(app, list(filter(None, meant)))
    return [
        replace(
            item, group=InOurRecord("known" if gid else "", gid, known.get(gid)), why=gid, step=step
        )
        for item, gid, step in zip(items, meant, [asked.part.step] * len(items), strict=True)
    ]


def _meant(row: Group | Refused, gids: dict[str, str]) -> str:
    if isinstance(row, Refused):
        return ""
    return gids.get(row.custom_id, "") if row.gid is None else str(row.gid)


def _checked(facts: JobFacts, item: Item) -> Group | Refused:
    """The row, or why it means no group. With it the gid is in the item."""
    row = read(facts, item)
    if isinstance(row, Refused) or item.group.gid:
        return row
    return Refused("GROUP_UNKNOWN", "no group of this custom_id is on our record")


def change(facts: JobFacts, item: Item) -> Call | Refused:
    """Set what the row names of its group."""
    row = _checked(facts, item)
    return row if isinstance(row, Refused) else groups.groupset(int(item.group.gid), row)


def only_members(facts: JobFacts, item: Item) -> Outcome | None:
    """A row that names members and no settings goes on to them without a call."""
    row = _checked(facts, item)
    if isinstance(row, Refused) or row.has_settings or not row.members:
        return None
    return Next(f"{MEMBERS}.0", why=item.group.gid)


def changed(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A group that was changed goes on to its members, where the row has some."""
    del known
    row = _checked(facts, item)
    if not isinstance(outcome, Done) or isinstance(row, Refused):
        return outcome
    if row.members:
        return Next(f"{MEMBERS}.0", outcome.upstream, why=item.group.gid)
    return replace(outcome, detail="updated")


def delete(facts: JobFacts, item: Item) -> Call | Refused:
    """Delete the row's group; a lost answer is read back."""
    row = _checked(facts, item)
    return row if isinstance(row, Refused) else groups.groupdel(int(item.group.gid))


def deleted(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A group that was deleted."""
    del facts, item, known
    return replace(outcome, detail="deleted") if isinstance(outcome, Done) else outcome


def no_name(facts: JobFacts, item: Item) -> Unknown | None:
    """A group whose name is not on our record cannot be looked for."""
    del facts
    known = item.group.known
    if known is not None and known.name:
        return None
    return _cannot_tell("our record has no name of the group to look for")


def look_for(facts: JobFacts, item: Item) -> Call | Refused:
    """Ask whether the group is listed under the name that our record has."""
    row = _checked(facts, item)
    known = item.group.known
    return row if isinstance(row, Refused) else groups.groupsget((known and known.name) or "")


def tell_deleted(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What a list says about a deletion whose answer was lost; a full one tells nothing."""
    del facts, known
    if isinstance(outcome, Refused):
        return _cannot_tell("the backend refused to list groups")
    if not isinstance(outcome, Done):
        return outcome
    if outcome.groups is None:
        return _cannot_tell("the list of groups could not be read")
    if item.group.gid in (str(gid) for gid, _ in outcome.groups):
        message = "sent, but not confirmed, and the group is still there"
        return Retry("NO_ANSWER", message, outcome.upstream, step=REPEATED)
    if len(outcome.groups) >= MOST_LISTED:
        return _cannot_tell(f"the list ends after {MOST_LISTED} rows")
    return replace(outcome, detail="confirmed_by_read_back")


def deleted_again(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What became of a second deletion: one that is refused may mean that the first came late."""
    if isinstance(outcome, Refused | Retry) and outcome.code in ("UNLISTED", "REFUSED"):
        return Next(READ_BACK, outcome.upstream)
    return deleted(facts, item, known, outcome)


def remember(report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome) -> None:
    """Add to the report what became of a group that our record has."""
    row, known = read(facts, item), item.group.known
    if isinstance(row, Refused) or not isinstance(outcome, Done):
        # A group whose members are still to come keeps what the record says of it.
        return
    if facts.kind == "groups.delete":
        report.groups.append(("drop", item.group.gid, ""))
    elif known is not None:
        report.groups.append(("put", item.group.gid, _merged(known, row, report.job).to_json()))


def _merged(known: KnownGroup, row: Group, job: str) -> KnownGroup:
    said = {name: getattr(row, name) for name in _SETTINGS}
    told = {name: value for name, value in said.items() if value is not None}
    return replace(known, **told, digest=row.digest, part=row.digest, by="", job=job)


def _cannot_tell(why: str) -> Unknown:
    message = f"sent, not confirmed, and reading back cannot settle it: {why}"
    return Unknown(message, groups.NOTHING_SAID)
