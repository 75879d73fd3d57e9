"""The kinds of jobs: which steps an item of each takes, and what may be repeated at which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bulkhead.model.outcome import Repeat
from bulkhead.model.rotation import AWAIT, CODE_OF, OPTIONS, UNDO_UPLOAD, VERIFY

FIRST = ""
READ_BACK = "read_back"
"""What may have been carried out is looked for; a credential is uploaded once more instead."""
REPEATED = "repeated"
"""What may have been carried out is done once more, because it was not to be seen."""
ISSUE = "token"
ISSUE_ONLY = "token_only"
"""A token for a user of whom nothing else had to be sent."""
JOIN, JOIN_FOR_TOKEN = "join", "join_token"
"""A person who was imported becomes a member of groups; behind the second follows a token."""
LOOK_FIRST, ADOPT, MEMBERS = "look_first", "adopt", "members"
"""Of a group that an earlier job may have made; of one that was listed; of one that is there."""


def family(step: str) -> str:
    """The step without its number: of a step that is taken several times, what all have in common.

    The number, behind a dot, says how much of the row is done.
    """
    return step.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job."""

    steps: Mapping[str, Repeat]
    record: bool = False
    """True if what was done before is looked up on the record."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """Step → the step that follows where a worker died in a call that may not be repeated."""
    operation_class: str = "provision"
    """An app may have a rate of its own for each class of operations."""


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
            {FIRST: Repeat.CHECK, READ_BACK: Repeat.ONCE}, operation_class="push_upload"
        ),
        "creds.options": Kind({FIRST: Repeat.SAFE}),
        "creds.test": Kind({FIRST: Repeat.ONCE}, operation_class="push_test"),
        "creds.debug": Kind({FIRST: Repeat.ONCE}),
        # A test notification to a probe may be sent twice; what stands between two files may not.
        "creds.rotate": Kind(
            {
                FIRST: Repeat.CHECK,
                READ_BACK: Repeat.ONCE,
                **dict.fromkeys((OPTIONS, VERIFY, AWAIT, *CODE_OF), Repeat.SAFE),
            },
            lost={READ_BACK: UNDO_UPLOAD},
            operation_class="push_upload",
        ),
    }
)


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
