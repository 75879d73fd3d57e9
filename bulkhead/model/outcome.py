"""What became of one item after one attempt. Outcomes are values; exceptions are for surprises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bulkhead.secrets import Secret


class Repeat(Enum):
    """What may be done about a call whose answer was lost."""

    SAFE = "safe"
    """Repeat freely: a second call changes nothing."""
    CHECK = "check"
    """Read back first, then decide."""
    ONCE = "once"
    """Never repeat blindly: the second call would be seen by a person."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What mesibo said, for the result row. Never holds a token."""

    op: str
    http_status: int | None = None
    error: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """`mid`, `gid` or `uid`, where the answer had one."""


@dataclass(frozen=True, slots=True)
class Done:
    """mesibo confirmed the call."""

    upstream: Upstream
    detail: str = "created_or_updated"
    issued: Secret | None = None
    """The user token that the call asked for."""
    listed: tuple[str, ...] | None = None
    """The addresses that a call for a list was answered with."""
    groups: tuple[tuple[int, str], ...] | None = None
    """Gid and name of the groups that a call for a list was answered with."""


@dataclass(frozen=True, slots=True)
class Next:
    """This call was enough for now: the item goes on with another step."""

    step: str
    upstream: Upstream | None = None
    why: str = ""
    """What the row is to say of it in the end, if anything."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is called until an event about `whom` comes, or for so many seconds; then `step`."""

    step: str
    seconds: float
    whom: str
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """No call was needed."""

    detail: str
    code: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, one attempt used. `after` (seconds) is set where mesibo named a time.

    `step` is where the item goes on; None if with the call that failed.
    """

    code: str
    message: str
    upstream: Upstream
    after: float | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """mesibo, or we, said no for good."""

    code: str
    message: str
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent and not answered: it may or may not have happened."""

    message: str
    upstream: Upstream | None = None
    code: str = "NOT_CONFIRMED"


@dataclass(frozen=True, slots=True)
class Throttled:
    """The app must cool down; the item did not use an attempt. `after` is in seconds."""

    code: str
    message: str
    upstream: Upstream
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The app's token is not accepted: nothing more may be sent for this app until it changes."""

    code: str
    message: str
    upstream: Upstream


Outcome = Done | Next | Wait | Skipped | Retry | Refused | Unknown | Throttled | Stopped
