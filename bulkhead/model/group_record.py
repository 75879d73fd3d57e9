"""What our record says of an app's groups; changes made elsewhere are not in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from bulkhead.model.group import Group
from bulkhead.model.job import rfc3339


@dataclass(frozen=True, slots=True)
class Known:
    """One group that we made, as we left it; `at` is microseconds since 1970."""

    custom_id: str = ""
    name: str | None = None
    flags: int | None = None
    expiry: int | None = None
    expiryext: int | None = None
    active: bool | None = None
    digest: str = ""
    """Of the row that was done whole; empty while its members may be missing."""
    part: str = ""
    """Of the row whose group was made."""
    by: str = ""
    """The row that was asked for when it was made."""
    job: str = ""
    at: int = 0

    @classmethod
    def of(cls, text: str | bytes) -> Known:
        """What `to_json` wrote, with the store's `at`; members of a later version are passed by."""
        told = json.loads(text)
        return cls(**{name: told[name] for name in _NAMES if name in told})

    def to_json(self) -> str:
        """As the record keeps it; the store adds `at`, by its own clock."""
        return json.dumps({name: getattr(self, name) for name in _NAMES if name != "at"})

    def to_dict(self, gid: str) -> dict[str, Any]:
        """The group as a list shows it."""
        told = asdict(self)
        shown = {name: told[name] for name in _SHOWN}
        whole = {**shown, "custom_id": self.custom_id or None, "complete": bool(self.digest)}
        return {"gid": int(gid), **whole, "job": self.job or None, "at": rfc3339(self.at)}


_NAMES = tuple(field.name for field in fields(Known))
_SHOWN = ("custom_id", "name", "flags", "expiry", "expiryext", "active")


def known_as(group: Group, job: str, by: str, *, complete: bool) -> Known:
    """What the record is to say of a group that this row made."""
    return Known(
        **{name: getattr(group, name) for name in _SHOWN},
        digest=group.digest if complete else "",
        part=group.digest,
        by=by,
        job=job,
    )


Verdict = Literal["", "own", "known", "taken", "doubt", "one", "none", "many"]


@dataclass(frozen=True, slots=True)
class InOurRecord:
    """What the store says about the group of an item, or about the groups that it names.

    `own`: the job may make it. `doubt`: an earlier job may have, from a row whose digest is `said`.
    `taken`: the job `said` is about to. `known`: it is `gid`. Of what was listed, `one` is its own,
    `none` is, or `many` may be.
    """

    verdict: Verdict = ""
    gid: str = ""
    known: Known | None = None
    said: str = ""
    gids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Custom_id → gid of those that were asked about."""


NOT_LOOKED_UP = InOurRecord()


@dataclass(frozen=True, slots=True)
class Want:
    """A group that a job is about to make; `by` stands for its row."""

    by: str
    index: int
    custom_id: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The groups of one name that mesibo has listed, as an item keeps them for its next step."""

    gids: Sequence[int]
    full: bool
    again: bool
    """True if the group is to be made where none is its own."""
    name: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Listed:
        return cls(**json.loads(text))
