"""What a program asks of a job by name, and how it becomes what the engine takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, cast

from bulkhead.errors import InvalidInput
from bulkhead.model.when import parse_when
from bulkhead.ordering import Options

if TYPE_CHECKING:
    from bulkhead.credential_file import CredentialFile, Given
    from bulkhead.rotation_order import RotationOrder, Rotations


class Asked(TypedDict, total=False):
    """What every method that makes a job takes by name, beside its rows and its app."""

    tokens: Literal["none", "missing", "rotate"]
    """User access tokens of an import; `missing`: for those without one on our record."""
    force: bool
    """Send also what the record says is done already."""
    idempotency_key: str
    """The same key and rows are the same job; with other rows it is a Conflict."""
    labels: Mapping[str, str]
    priority: Literal["urgent", "normal", "bulk"]
    at: float | str | datetime
    """No call before this: Unix seconds, a time with a zone, or text as `--at` takes it."""
    deadline: float | str | datetime
    """No call from then on: the job times out."""
    on_unknown: Literal["hold", "resend", "drop"]
    """What becomes of calls that were sent and never confirmed: unknown, sent again, failed."""
    window: str
    """Times of day in which calls may start, such as "09:00-20:00[Europe/Berlin]"."""
    max_failures: int | str
    """A number, or a part of the rows such as "2%": more failed rows pause the job."""
    max_attempts: int
    rate: float | str
    """Most calls a second of this job, or text such as "300/min"."""
    retry_first: float
    retry_longest: float
    give_up_after: float
    """Seconds: the first and the longest pause between attempts, and an item's whole time."""


class AskedToRotate(Asked, total=False):
    """What a rotation is asked for by name, beside what every job may be."""

    apps: Required[str | Sequence[str]]
    """Labels or names in one text, as `--apps` takes it, or a list of names."""
    fcm: Given
    apn: Given
    """The file that they are to have: its path, or its content."""
    credential: str
    """Or the id of one that is kept."""
    waves: str
    soak: float | str
    """Between two waves: seconds, or text such as "10m"."""
    verify: Literal["none", "options", "test-push"]
    test_user: str
    verify_within: float | str
    """In which the test's result must come: seconds, or text such as "60s"."""
    push_options: Mapping[str, bool]
    auto_rollback: bool
    allow_project_change: bool


class AskedToBroadcast(Asked, total=False):
    """What a broadcast is asked for by name, beside its app and what every job may be."""

    sender: Required[str]
    groups: Iterable[int | str | Mapping[str, Any]]
    """Gids, custom_ids of our record, or mappings with a `gid` and values of variables."""
    users: Iterable[str | Mapping[str, Any]]
    """Addresses, or mappings with an `address` and values of variables."""
    message: str
    """The text, where {{name}} is a variable; or a `url`."""
    url: str
    """Of a file that is sent in place of a text."""
    title: str
    """Beside the file; may have variables too."""
    expiry: float | str
    """Undelivered after this it is dropped: seconds, or text such as "6h"; 24 h unless said."""
    variables: Mapping[str, str]
    """Values for recipients that have none of their own."""
    max_recipients: int
    """With more it is refused whole."""
    chunk: int
    """People that share a call, and its outcome; 1 unless said. Not with variables."""
    force_late: bool
    """Although it takes longer than its messages are kept."""
    hold: bool
    """Accepted, and paused until somebody resumes it."""
    via: Literal["backend", "realtime"]
    """How it is sent: by the backend, unless said, or through a session of its sender."""
    file: str | PathLike[str] | bytes
    """In real time, in place of a text: the path or the content of a file of up to 16 MiB."""
    on_no_session: Literal["wait", "refuse"]
    """In real time, while the sender cannot sign in: wait, unless said, or refuse the rows."""


class AskedOfMembers(Asked, total=False):
    """What new members may be given by name, beside what every job may be."""

    permissions: Sequence[Literal["send", "recv", "pub", "sub", "list"]]
    admin: Sequence[str]
    """Rights of an admin, such as "owner"."""


def options_of(asked: Asked) -> Options:
    """The same, checked and as the engine takes it. Raises InvalidInput."""
    given: dict[str, Any] = dict(asked)
    for name in ("at", "deadline"):
        if isinstance(given.get(name), datetime):
            given[name] = _unix(given[name], name)
        elif isinstance(given.get(name), str):
            given[name] = parse_when(given[name], time.time())
    if "max_failures" in given:
        given["max_failures"] = str(given["max_failures"])
    return Options(**given)


def _unix(moment: datetime, name: str) -> float:
    if moment.tzinfo is None:
        raise InvalidInput(
            f"`{name}` has no time zone",
            why="10 o'clock is another moment in another place",
            to_do="hand in a datetime with a tzinfo, such as zoneinfo.ZoneInfo('Europe/Berlin')",
        )
    return moment.timestamp()


def letter_apart(asked: AskedToBroadcast) -> tuple[dict[str, Any], Options]:
    """What says the broadcast, and what every job may be asked for. Raises InvalidInput."""
    from bulkhead.broadcast_order import OF_A_BROADCAST  # noqa: PLC0415 - slow to load

    told: dict[str, Any] = dict(asked)
    own = {name: told.pop(name) for name in OF_A_BROADCAST if name in told}
    return own, options_of(cast(Asked, told))


def taken_apart(asked: AskedToRotate) -> tuple[RotationOrder, Options, dict[str, Any]]:
    """The order, what every job may be asked for, and which credential is named.

    Raises InvalidInput, also where none or two are named.
    """
    from bulkhead.rotation_order import OF_AN_ORDER, RotationOrder  # noqa: PLC0415 - slow to load

    told: dict[str, Any] = dict(asked)
    named = the_one_of({name: told.pop(name, None) for name in ("fcm", "apn", "credential")})
    order = RotationOrder.of({name: told.pop(name) for name in OF_AN_ORDER if name in told})
    return order, options_of(cast(Asked, told)), named


def the_one_of(named: Mapping[str, Any]) -> dict[str, Any]:
    """The credential that is named. Raises InvalidInput if none is, or several are."""
    given = {name: value for name, value in named.items() if value is not None}
    if len(given) != 1:
        raise InvalidInput(
            "two credentials are named" if given else "no credential is named",
            why="a rotation gives one credential to many apps",
            to_do=f"give one of {', '.join(named)}",
        )
    return given


def credential_of(named: Mapping[str, Any], rotations: Rotations) -> CredentialFile:
    """The one that is named, read or taken from the store. Raises InvalidInput or NotFound."""
    from bulkhead.credential_file import kept_as, taken  # noqa: PLC0415 - slow to load

    ((kind, given),) = named.items()
    if kind == "credential":
        return kept_as(given, rotations.credentials)
    return taken(given, kind)
