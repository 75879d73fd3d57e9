"""What the keyword arguments of a message may be, one model a kind. Their JSON Schemas ship."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from bulkhead.model.budget import MOST_FAILURES

MOST_ITEMS = 10_000
"""Items in one message."""

LONGEST_KEY = 200


def _not_ours(queue: str) -> str:
    if queue.startswith("bulkhead."):
        raise ValueError("queues that begin with bulkhead. are our own")
    return queue


App = Annotated[
    str,
    StringConstraints(min_length=1, max_length=127),
    Field(description="tenant/app; app alone where the workers have BULKHEAD_TENANT."),
]
# A name may become a key of the broker: no braces, so that none of our own keys can be meant.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@-]{1,200}$")]
Text = Annotated[str, StringConstraints(max_length=LONGEST_KEY)]
Job = Annotated[str, StringConstraints(pattern=r"^job_[0-9A-Z]{26}$")]
Count = Annotated[int, Field(ge=0, le=999_999_999)]
Most = Count | Annotated[str, StringConstraints(pattern=f"^({MOST_FAILURES})$")]
Instant = Annotated[float, Field(ge=0, le=253_370_764_800)] | Text
Span = Annotated[float, Field(ge=0)] | Text
Selector = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,1000}$")]
Credential = Annotated[
    str,
    StringConstraints(pattern=r"^cred_[0-9a-f]{20}$"),
    Field(description="The id of a credential that the store keeps; never its content."),
]
_USER = {
    "type": "object",
    "description": "A user; members as the columns of an input file. A bad one fails alone.",
    "properties": {
        "address": {"type": "string"},
        "name": {"type": "string"},
        "active": {"type": ["boolean", "string"]},
        "appid": {"type": "string"},
        "expiry": {"type": ["integer", "string"]},
        "flags": {"type": ["integer", "string"]},
        "custom_id": {"type": "string"},
        "groups": {"type": ["array", "string"]},
    },
    "required": ["address"],
}
_ADDRESSED = {
    "description": "An address, or an object with the member address. A bad one fails alone.",
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"address": {"type": "string"}}, "required": ["address"]},
    ],
}
_WORDS_OR_LIST = {"type": ["array", "string"]}
_NEW_GROUP = {
    "type": "object",
    "description": "A group; members as the columns of a groups file. A bad one fails alone.",
    "properties": {
        "custom_id": {"type": "string"},
        "name": {"type": "string"},
        "flags": {"type": ["array", "integer", "string"]},
        "expiry": {"type": ["integer", "string"]},
        "expiryext": {"type": ["integer", "string"]},
        "active": {"type": ["boolean", "string"]},
        "members": _WORDS_OR_LIST,
        "permissions": _WORDS_OR_LIST,
        "admin": _WORDS_OR_LIST,
    },
}
NewGroupItem = Annotated[Any, WithJsonSchema(_NEW_GROUP)]
_GROUP = {
    "description": "A gid, a custom_id of our record, or an object with the member gid.",
    "anyOf": [
        {"type": ["integer", "string"]},
        {
            "type": "object",
            "properties": {"gid": {"type": ["integer", "string"]}},
            "required": ["gid"],
        },
    ],
}
_MEMBER = {
    "description": "An address, or an object with address and gid. A bad one fails alone.",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "address": {"type": "string"},
                "gid": {"type": ["integer", "string"]},
            },
            "required": ["address"],
        },
    ],
}
MemberItem = Annotated[Any, WithJsonSchema(_MEMBER)]
UserItem = Annotated[Any, WithJsonSchema(_USER)]
AddressItem = Annotated[Any, WithJsonSchema(_ADDRESSED)]
GroupItem = Annotated[Any, WithJsonSchema(_GROUP)]


class _Strict(BaseModel):
    """No member is guessed at: one that is not known is a mistake of the sender's."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


class Notify(_Strict):
    """Where job documents are sent, as `kwargs={"job": …}`."""

    task: Name
    queue: Annotated[Name, AfterValidator(_not_ours)]


class Payload(_Strict):
    """What every kind takes."""

    v: Literal[1]
    idempotency_key: Text | None = Field(None, description="Unset: the Celery task id.")
    labels: dict[Text, Text] | None = Field(None, max_length=64)
    priority: Literal["urgent", "normal", "bulk"] | None = Field(
        None, description="Wins over Celery's priority."
    )
    at: Instant | None = Field(
        None, description="Unix seconds, or text with a zone or offset. Wins over eta, countdown."
    )
    notify: Notify | None = None


class OfAnApp(Payload):
    """What every kind takes that makes a job of one app."""

    app: App
    on_unknown: Literal["hold", "resend", "drop"] | None = Field(
        None, description="Of calls sent and never confirmed: unknown, sent again, or failed."
    )


class ImportUsers(OfAnApp):
    """Create or update users."""

    kind: Literal["users.import"]
    items: Annotated[list[UserItem], Field(max_length=MOST_ITEMS)]
    tokens: Literal["none", "missing", "rotate"] = "none"
    max_failures: Most | None = None
    append: bool = Field(False, description="This is a part: its items are not yet all.")
    last: bool = Field(False, description="This is the last part: the job is made.")
    part: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="This part's place, from 1; all parts of a job have one, or none."
    )

    @property
    def is_part(self) -> bool:
        """True for a part of several, the last one included."""
        return self.append or self.last


class DeleteUsers(OfAnApp):
    """Delete users by their addresses."""

    kind: Literal["users.delete"]
    items: Annotated[list[AddressItem], Field(min_length=1, max_length=MOST_ITEMS)]
    max_failures: Most | None = None


class CreateGroups(OfAnApp):
    """Make groups; one whose custom_id is on our record is not made again."""

    kind: Literal["groups.create"]
    items: Annotated[list[NewGroupItem], Field(min_length=1, max_length=MOST_ITEMS)]
    max_failures: Most | None = None


class RawCall(OfAnApp):
    """One backend operation."""

    kind: Literal["call"]
    op: Text
    body: dict[str, Any] = Field(default_factory=dict)


class Broadcast(OfAnApp):
    """Send a message to groups and people."""

    kind: Literal["broadcast"]
    sender: Text = Field(description="The address it comes from, a user of the app.")
    groups: Annotated[list[GroupItem], Field(max_length=MOST_ITEMS)] | None = None
    users: Annotated[list[AddressItem], Field(max_length=MOST_ITEMS)] | None = None
    message: str | None = Field(None, description="The text; {{name}} is a variable.")
    url: str | None = Field(None, description="Of a file, in place of a text.")
    title: str | None = Field(None, description="Beside the file.")
    expiry: Span | None = Field(
        None, description="Dropped undelivered after: seconds, or text such as 6h. Unset: 24 h."
    )
    variables: dict[Text, Text] | None = Field(
        None, max_length=64, description="Values for recipients that have none of their own."
    )
    max_recipients: Annotated[int, Field(ge=1)] | None = None
    chunk: Annotated[int, Field(ge=1, le=100)] = Field(1, description="People that share a call.")
    force_late: bool = Field(False, description="Also where it takes longer than its expiry.")
    via: Literal["backend", "realtime"] | None = Field(
        None, description="By the backend, unless said, or through a session of its sender."
    )
    on_no_session: Literal["wait", "refuse"] | None = Field(
        None, description="In real time, while its sender cannot sign in. Unset: wait."
    )
    max_failures: Most | None = None


class EditMembers(OfAnApp):
    """Add members to groups, or remove them."""

    kind: Literal["groups.members"]
    items: Annotated[list[MemberItem], Field(min_length=1, max_length=MOST_ITEMS)]
    verb: Literal["add", "remove"]
    gid: Annotated[int, Field(ge=1)] | Text | None = Field(
        None, description="Of all items, a custom_id of our record too; unset: each has its own."
    )
    permissions: list[Literal["send", "recv", "pub", "sub", "list"]] | None = None
    admin: list[Text] | None = None
    max_failures: Most | None = None


class RotateCredentials(Payload):
    """Give many apps one push credential, in waves."""

    kind: Literal["creds.rotate"]
    apps: Annotated[list[App], Field(min_length=1, max_length=MOST_ITEMS)] | Selector = Field(
        description="Names; or labels k=v,… or names with * in one text, as --apps takes it."
    )
    credential: Credential
    waves: Text | None = Field(None, description="After how many apps each ends, as 1,10%,100%.")
    soak: Span | None = Field(None, description="Between two waves: seconds, or text such as 10m.")
    verify: Literal["none", "options", "test-push"] = "none"
    test_user: Text | None = Field(None, description="The address of the probe user in each app.")
    verify_within: Span | None = Field(None, description="For the test's result; unset: 60 s.")
    push_options: dict[Text, bool] | None = Field(None, description="Set in each app, by name.")
    auto_rollback: bool = False
    allow_project_change: bool = False


class _OfAJob(Payload):
    job: Job
    app: App | None = Field(None, description="Refused if the job is another app's.")


class CancelJob(_OfAJob):
    """End a job for good."""

    kind: Literal["job.cancel"]


class PauseJob(_OfAJob):
    """Start no new call of a job."""

    kind: Literal["job.pause"]


MODELS: dict[str, type[Payload]] = {
    "users.import": ImportUsers,
    "users.delete": DeleteUsers,
    "groups.create": CreateGroups,
    "creds.rotate": RotateCredentials,
    "groups.members": EditMembers,
    "broadcast": Broadcast,
    "call": RawCall,
    "job.cancel": CancelJob,
    "job.pause": PauseJob,
}
"""Kind → what its payload must be."""

LATER: tuple[str, ...] = ()
"""Kinds that a later version does."""

TASKS: dict[str, str] = {
    "tasks.submit": "",
    "tasks.import_users": "users.import",
    "tasks.create_groups": "groups.create",
    "tasks.call": "call",
    "tasks.broadcast": "broadcast",
    "tasks.rotate_credentials": "creds.rotate",
}
"""Task → the kind it stands for; `tasks.submit` has it in its payload."""
