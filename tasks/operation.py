"""From a job's kind and an item's step to the call that is made, and to what its answer means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Cabinet, Item, JobFacts
from bulkhead.model.kind import (
    ADOPT,
    FIRST,
    ISSUE,
    ISSUE_ONLY,
    JOIN,
    JOIN_FOR_TOKEN,
    LOOK_FIRST,
    MEMBERS,
    READ_BACK,
    REPEATED,
    SIGN_IN,
    family,
)
from bulkhead.model.outcome import Outcome, Refused, Unknown
from bulkhead.model.push import Wish
from bulkhead.model.rotation import (
    AWAIT,
    CODE_OF,
    OPTIONS,
    ROLL_BACK,
    UNDO_OPTIONS,
    UNDO_TEST,
    VERIFY,
)
from bulkhead.model.slice import LOOK, Known, Slice
from tasks import (
    broadcast,
    call,
    check,
    groups,
    joining,
    known_groups,
    members,
    push,
    rotation,
    rotation_supply,
    users,
)
from tasks.asked import Asked
from tasks.joined import Alike

Prepare = Callable[[JobFacts, Item], Call | Refused]
PrepareJoined = Callable[[JobFacts, Sequence[Item]], Call | Refused]
Conclude = Callable[[JobFacts, Item, Known | None, Outcome], Outcome]
Spare = Callable[[JobFacts, Item], Outcome | None]
Sparing = Callable[[Item, Known | None], Outcome | None]
Supplied = Callable[[Asked, Sequence[Item]], Sequence[Item]]
Wanted = Callable[[JobFacts, Item], Wish]
GiveUp = Callable[[JobFacts, Item, Refused | Unknown], Outcome]


def as_it_is(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What the call came to is what becomes of the item."""
    del facts, item, known
    return outcome


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of one kind: the call for an item, and what follows from its outcome."""

    prepare: Prepare
    conclude: Conclude = as_it_is
    supply: Supplied | None = None
    """Looks up in the store, before the first call of a slice, what its calls need."""
    spare: Spare | None = None
    """Says what becomes of an item without a call, where what was looked up says so."""
    give_up: GiveUp | None = None
    """Says what follows when the attempts at this step are used up, where that is not the end."""
    wish: Wanted | None = None
    """Says of an item which file its call puts into which slot, where the slot is claimed first."""
    joined: PrepareJoined | None = None
    """The one call for several items, where the kind joins them."""
    alike: Alike | None = None
    """Which items may share that call; none where this is not said."""
    parted: Conclude | None = None
    """What follows for each item of a call for several, where that is not what `conclude` says."""


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("users.import", FIRST): Operation(users.provision, users.then_token),
    ("users.import", ISSUE): Operation(users.issue_with),
    ("users.import", ISSUE_ONLY): Operation(users.issue_with, users.only_token),
    ("users.import", JOIN): Operation(joining.join, joining.joined, joining.resolved),
    ("users.import", JOIN_FOR_TOKEN): Operation(joining.join, joining.joined, joining.resolved),
    ("users.delete", FIRST): Operation(users.delete),
    ("users.delete", READ_BACK): Operation(users.look_for, users.tell_deleted),
    ("users.delete", REPEATED): Operation(users.delete, users.deleted_again),
    ("users.tokens.issue", FIRST): Operation(users.issue, users.only_token),
    (SIGN_IN, FIRST): Operation(users.sign_in, users.only_token),
    ("users.tokens.revoke", FIRST): Operation(users.revoke, users.token_revoked),
    **{
        ("groups.create", step): Operation(
            groups.create, groups.created, groups.claimed, groups.spare
        )
        for step in (FIRST, LOOK)
    },
    # Asked for before, by this job: nothing stands against it any more.
    ("groups.create", REPEATED): Operation(groups.create, groups.created),
    ("groups.create", READ_BACK): Operation(
        groups.look_for, partial(groups.tell_listed, False), groups.claimed, groups.spare_read_back
    ),
    ("groups.create", LOOK_FIRST): Operation(
        groups.look_for, partial(groups.tell_listed, True), give_up=groups.not_listed
    ),
    # To compare takes no call.
    ("groups.create", ADOPT): Operation(
        groups.look_for, supply=groups.compared, spare=groups.adopt
    ),
    ("groups.create", MEMBERS): Operation(
        groups.add_members, groups.members_added, groups.with_gid
    ),
    ("groups.set", FIRST): Operation(
        known_groups.change, known_groups.changed, known_groups.found, known_groups.only_members
    ),
    ("groups.set", MEMBERS): Operation(
        groups.add_members, groups.members_added, known_groups.found
    ),
    ("groups.delete", FIRST): Operation(
        known_groups.delete, known_groups.deleted, known_groups.found
    ),
    ("groups.delete", READ_BACK): Operation(
        known_groups.look_for,
        known_groups.tell_deleted,
        known_groups.found,
        known_groups.no_name,
    ),
    ("groups.delete", REPEATED): Operation(
        known_groups.delete, known_groups.deleted_again, known_groups.found
    ),
    ("apps.check", FIRST): Operation(check.probe),
    ("apps.check_token", FIRST): Operation(check.probe, check.not_accepted),
    ("call", FIRST): Operation(call.call),
    ("creds.upload", FIRST): Operation(
        push.upload, push.uploaded, wish=push.wish, spare=push.spare
    ),
    ("creds.upload", READ_BACK): Operation(
        push.upload_again, push.uploaded, wish=push.wish, spare=push.barred_again
    ),
    ("creds.rotate", FIRST): Operation(
        push.upload, rotation.uploaded, wish=rotation_supply.wish, spare=push.spare
    ),
    ("creds.rotate", READ_BACK): Operation(
        push.upload_again,
        rotation.uploaded_again,
        wish=rotation_supply.wish,
        spare=push.barred_again,
    ),
    ("creds.rotate", OPTIONS): Operation(
        rotation.set_options,
        rotation.options_set,
        push.with_file,
        give_up=partial(rotation.take_back, UNDO_OPTIONS),
    ),
    ("creds.rotate", VERIFY): Operation(
        rotation.send_test,
        rotation.test_sent,
        push.with_file,
        give_up=partial(rotation.take_back, UNDO_TEST),
    ),
    # To wait takes no call: only an item that has lost its file gets past `judge`, and is refused.
    ("creds.rotate", AWAIT): Operation(
        push.upload, supply=rotation_supply.with_result, spare=rotation.judge
    ),
    # What has proven itself is no longer this job's alone, unlike what goes back before it has.
    ("creds.rotate", ROLL_BACK): Operation(
        rotation.upload_previous,
        partial(rotation.went_back, ROLL_BACK),
        wish=rotation_supply.wish_back,
        spare=push.barred,
        give_up=partial(rotation.not_back, ROLL_BACK),
    ),
    **{
        ("creds.rotate", step): Operation(
            rotation.upload_previous,
            partial(rotation.went_back, step),
            rotation_supply.with_previous,
            give_up=partial(rotation.not_back, step),
        )
        for step in CODE_OF
        if step != ROLL_BACK
    },
    ("creds.options", FIRST): Operation(push.set_options, push.options_set),
    ("creds.test", FIRST): Operation(push.test, push.test_sent),
    ("creds.debug", FIRST): Operation(push.debug, push.debug_opened),
    **{
        ("groups.members", step): Operation(
            members.edit,
            members.done,
            joined=members.edit_several,
            alike=members.alike,
            parted=partial(members.parted, step),
        )
        for step in members.STEPS
    },
    ("broadcast", FIRST): Operation(
        broadcast.send, joined=broadcast.send_to_several, alike=broadcast.alike
    ),
}


def _of(kind: str, step: str) -> Operation | None:
    return OPERATIONS.get((kind, family(step)))


def supplied(asked: Asked) -> Sequence[Item]:
    """The slice's items, with what their calls need. Raises Unreachable, CannotOpen."""
    operation = _of(asked.facts.kind, asked.part.step)
    items = asked.cabinet.items(asked.part)
    if operation is not None and operation.wish is not None:
        return push.claimed(asked, [(item, operation.wish(asked.facts, item)) for item in items])
    if operation is None or operation.supply is None:
        return items
    return operation.supply(asked, items)


def wishes(cabinet: Cabinet, part: Slice) -> Sequence[Wish]:
    """The files that the slice's calls put into slots. Raises BulkheadError."""
    operation = _of(part.kind, part.step)
    if operation is None or operation.wish is None:
        return ()
    facts = cabinet.job(part.job)
    wanted = [operation.wish(facts, item) for item in cabinet.items(part)]
    return push.may_be_sent(cabinet, wanted)


def given_up(facts: JobFacts, item: Item, step: str, outcome: Refused | Unknown) -> Outcome:
    """What follows when the attempts at this step are used up."""
    operation = OPERATIONS[(facts.kind, family(step))]
    return outcome if operation.give_up is None else operation.give_up(facts, item, outcome)


def sparing(facts: JobFacts, step: str) -> Sparing:
    """Says of an item what becomes of it without a call, or None if it must be called for."""
    operation = _of(facts.kind, step)
    if operation is None or operation.spare is None:
        return lambda item, known: users.recognise(facts, known) if known else None
    spare = operation.spare
    return lambda item, known: spare(facts, item)


def prepare(facts: JobFacts, item: Item, step: str = FIRST) -> Call | Refused:
    """The call for this item, or why there is none."""
    operation = _of(facts.kind, step)
    if operation is None:
        what = f"jobs of kind {facts.kind}" + (f" at step {step}" if step else "")
        return Refused("UNSENDABLE", f"this worker does not know {what}")
    return operation.prepare(facts, item)


def alike(kind: str, step: str) -> Alike | None:
    """Which items of a slice may share a call; None where each has its own."""
    operation = OPERATIONS.get((kind, step))
    return None if operation is None or operation.joined is None else operation.alike


def prepare_joined(facts: JobFacts, items: Sequence[Item], step: str) -> Call | Refused:
    """The one call for these items, which are alike."""
    if len(items) == 1:
        return prepare(facts, items[0], step)
    joined = OPERATIONS[(facts.kind, step)].joined
    return prepare(facts, items[0], step) if joined is None else joined(facts, items)


def conclude(
    facts: JobFacts, item: Item, step: str, known: Known | None, outcome: Outcome
) -> Outcome:
    """What the outcome of this step's call means for the item."""
    return OPERATIONS[(facts.kind, family(step))].conclude(facts, item, known, outcome)


def conclude_joined(
    facts: JobFacts, item: Item, step: str, known: Known | None, outcome: Outcome
) -> Outcome:
    """What the outcome of a call for several items means for one of them."""
    operation = OPERATIONS[(facts.kind, family(step))]
    return (operation.parted or operation.conclude)(facts, item, known, outcome)
