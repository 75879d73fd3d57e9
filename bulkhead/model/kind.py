"""The kinds of jobs: which steps an item of each takes, and what may be repeated at which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bulkhead.model.member_steps import MOST, SPLITS
from bulkhead.model.outcome import Repeat
from bulkhead.model.rotation import AWAIT, CODE_OF, OPTIONS, UNDO_UPLOAD, VERIFY

FIRST = ""
READ_BACK = "read_back"
"""What may have been carried out is looked for; a credential is uploaded once more instead."""
REPEATED = "repeated"
"""What may have been carried out is done once more, because it was not to be seen."""
RESENT = "!"
"""Ends the step of an item that was sent at it before, and never confirmed: see `resend`."""
ISSUE = "token"
ISSUE_ONLY = "token_only"
"""A token for a user of whom nothing else had to be sent."""
JOIN, JOIN_FOR_TOKEN = "join", "join_token"
"""A person who was imported becomes a member of groups; behind the second follows a token."""
SIGN_IN = "realtime.sign_in"
"""The kind of the jobs that have a sender's user token issued."""
LOOK_FIRST, ADOPT, MEMBERS = "look_first", "adopt", "members"
"""Of a group that an earlier job may have made; of one that was listed; of one that is there."""


def family(step: str) -> str:
    """The step itself: without its number, and whether or not its item was sent at it before.

    A step that is taken several times has a number behind a dot: how much of the row is done.
    """
    return step.removesuffix(RESENT).partition(".")[0]


MOST_JOINED = MOST
"""Items that one call may carry: so many addresses stay below the 8,192 bytes of a body."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job."""

    steps: Mapping[str, Repeat]
    record: bool = False
    """True if what was done before is looked up on the record."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """Step → the step that follows where a worker died in a call that may not be repeated."""
    joins: Mapping[str, int] = field(default_factory=dict)
    """Step → how many items of one slice a call may carry, where that is more than one."""
    operation_class: str = "provision"
    """An app may have a rate of its own for each class of operations."""
    policies: bool = True
    """False if its steps say what follows a lost answer, and nobody may wish otherwise."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "users.import": Kind(
            {
                FIRST: Repeat.SAFE,
                ISSUE: Repeat.ONCE,
                ISSUE_ONLY: Repeat.ONCE,
                JOIN: Repeat.SAFE,
                JOIN_FOR_TOKEN: Repeat.SAFE,
            },
            record=True,
        ),
        # A second deletion is refused: the user is not there. So a lost answer is read back.
        "users.delete": Kind({FIRST: Repeat.CHECK, READ_BACK: Repeat.SAFE, REPEATED: Repeat.CHECK}),
        "users.tokens.issue": Kind({FIRST: Repeat.ONCE}),
        "users.tokens.revoke": Kind({FIRST: Repeat.SAFE}),
        # The token is for our own app id: a second one ends none that anybody else holds.
        SIGN_IN: Kind({FIRST: Repeat.SAFE}, policies=False),
        # Each groupadd makes another group. A lost answer is looked for by the name; what is not
        # found then is made again only by a later job, after another look.
        "groups.create": Kind(
            {
                FIRST: Repeat.CHECK,
                REPEATED: Repeat.CHECK,
                **dict.fromkeys((READ_BACK, LOOK_FIRST, ADOPT, MEMBERS), Repeat.SAFE),
            }
        ),
        "groups.set": Kind({FIRST: Repeat.SAFE, MEMBERS: Repeat.SAFE}),
        "groups.delete": Kind(
            {FIRST: Repeat.CHECK, READ_BACK: Repeat.SAFE, REPEATED: Repeat.CHECK}
        ),
        "apps.check": Kind({FIRST: Repeat.SAFE}),
        # No operation reads credentials back: what may have arrived is uploaded once more, and
        # what is then not confirmed either is unknown. So no file is ever sent a third time.
        "creds.upload": Kind(
            {FIRST: Repeat.CHECK, READ_BACK: Repeat.ONCE},
            operation_class="push_upload",
            policies=False,
        ),
        "creds.options": Kind({FIRST: Repeat.SAFE}, policies=False),
        "creds.test": Kind({FIRST: Repeat.ONCE}, operation_class="push_test", policies=False),
        "creds.debug": Kind({FIRST: Repeat.ONCE}, policies=False),
        # A test notification to a probe may be sent twice; what stands between two files may not.
        "creds.rotate": Kind(
            {
                FIRST: Repeat.CHECK,
                READ_BACK: Repeat.ONCE,
                **dict.fromkeys((OPTIONS, VERIFY, AWAIT, *CODE_OF), Repeat.SAFE),
            },
            lost={READ_BACK: UNDO_UPLOAD},
            operation_class="push_upload",
            policies=False,
        ),
        # Who is a member already stays one, and who is none is gone: a second call changes nothing.
        "groups.members": Kind(
            dict.fromkeys((FIRST, *SPLITS), Repeat.SAFE), joins={FIRST: MOST, **SPLITS}
        ),
        # mesibo keeps no id of ours with a message and lists none: nothing can be looked up.
        "broadcast": Kind({FIRST: Repeat.ONCE}, operation_class="message"),
    }
)


def may_be_resent(kind: str, step: str) -> bool:
    """True if a lost answer at this step leaves its item unknown, unless somebody says otherwise.

    What is read back first, or may be repeated anyway, is not asked about.
    """
    known = KINDS.get(kind)
    return known is None or (known.policies and known.steps.get(family(step)) is Repeat.ONCE)


OPERATION_CLASS: Mapping[str, str] = MappingProxyType(
    {"message": "message", "pushupload": "push_upload", "pushtest": "push_test"}
)
"""Of raw calls by their operation, where it is not `provision`."""


def operation_class(kind: str, operation: str = "") -> str:
    """The class whose rate a job's calls keep to; of a raw call the `operation` decides."""
    if kind in KINDS:
        return KINDS[kind].operation_class
    return OPERATION_CLASS.get(operation, "provision")


def repeats(kind: str, first: str = "") -> dict[str, str]:
    """The fields of a job that say what follows a lost call; `first` overrides the first step's.

    A kind that is not listed has one step, and what nobody said may be repeated may not.
    """
    known = KINDS.get(kind)
    steps = {step: how.value for step, how in known.steps.items()} if known else {}
    told = {f"repeat:{step}": how for step, how in steps.items() if step != FIRST}
    told |= {f"lost:{step}": to for step, to in (known.lost if known else {}).items()}
    return {"repeat": first or steps.get(FIRST, Repeat.ONCE.value), **told}


def joined(kind: str, first: int = 0) -> dict[str, str]:
    """The fields of a job that say how many items one call may carry; none where each has its own.

    `first` overrides the first step's. Raises ValueError where it is above MOST_JOINED.
    """
    if first > MOST_JOINED:
        raise ValueError(f"a call carries {MOST_JOINED} items at most, not {first}")
    steps = dict(KINDS[kind].joins) if kind in KINDS else {}
    if first:
        steps[FIRST] = first
    if max(steps.values(), default=1) <= 1:
        return {}
    told = {f"join:{step}": str(most) for step, most in steps.items() if step != FIRST}
    return {"join": str(steps.get(FIRST, 1)), **told}
