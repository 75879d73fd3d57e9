"""What jobs about push carry in their rows and parameters, and what our record of it keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from bulkhead.model.job import rfc3339

COLUMNS = ("credential", "slot", "type", "file")
"""Of a row of `creds.upload`: an id of the store, never bytes."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One file to upload, by its id in the store; `service` is sent only where it is set."""

    credential: str
    slot: str
    service: str
    file: str

    def cells(self) -> list[str]:
        """The row as a job keeps it."""
        return [self.credential, self.slot, self.service, self.file]

    @classmethod
    def of(cls, cells: Sequence[str]) -> UploadRow:
        """The row that `cells` wrote, whatever follows it. Raises ValueError for any other."""
        credential, slot, service, file = cells[: len(COLUMNS)]
        return cls(credential, slot, service, file)


@dataclass(frozen=True, slots=True)
class InSlot:
    """What our record says of one slot of an app; `at` is microseconds since 1970.

    `by` is `upload`, `adopt`, `rotate` or `rollback`; `job` is empty where no job of ours brought
    it there.
    """

    slot: str
    credential: str
    fingerprint: str
    kind: str
    project: str | None
    bundle: str | None
    environment: str | None
    not_after: float | None
    """Unix seconds; None for a credential that does not expire."""
    file: str
    by: str
    job: str = ""
    at: int = 0

    def to_json(self) -> str:
        """As the record keeps it; the store adds `at`, by its own clock."""
        return json.dumps({name: getattr(self, name) for name in _KEPT})

    @classmethod
    def of(cls, text: str | bytes) -> InSlot:
        """What `to_json` wrote, with the store's `at`."""
        return cls(**json.loads(text))

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON shows it."""
        ends = None if self.not_after is None else rfc3339(self.not_after * 1e6)
        return {**asdict(self), "not_after": ends, "job": self.job or None, "at": rfc3339(self.at)}


_KEPT = tuple(field.name for field in fields(InSlot) if field.name != "at")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A file that may be in a slot instead: a job was about to send it, and no answer is known."""

    job: str
    credential: str
    before: str = ""
    """The job whose doubt stood when this one began, if any."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A file that a job is about to put into a slot."""

    slot: str
    credential: str
    force: bool = False
    """True to send it also where it is by our record."""
    expected: tuple[str, ...] | None = None
    """Credentials one of which the slot must hold, "" for none; None where any will do."""

    def to_dict(self) -> dict[str, Any]:
        """As the store is asked."""
        told = {"slot": self.slot, "credential": self.credential, "force": self.force}
        return told if self.expected is None else {**told, "expected": self.expected}


Verdict = Literal["own", "same", "taken", "changed"]


@dataclass(frozen=True, slots=True)
class Leave:
    """What the store says to a wish.

    `own`: the slot is the job's until it has told what came of the file. `same`: the file is there.
    `taken`: another job has the slot. `changed`: it holds nothing of what was expected.
    """

    verdict: Verdict
    held: InSlot | None
    job: str
    """Of `taken`, whose it is; of `own`, who had left it in doubt before; else empty."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """The end of what an app's slot holds has come nearer than `within` days, by our record."""

    app: str
    slot: str
    fingerprint: str
    not_after: float
    """Unix seconds."""
    left: float
    """Seconds, by the store's clock; below zero once it has expired."""
    within: int
    """60, 30, 14, 7, 1 or 0: the nearest that was reached."""


@dataclass(frozen=True, slots=True)
class SetOption:
    """A push option as it was last set through us; `at` is microseconds since 1970."""

    value: bool
    job: str
    at: int


@dataclass(frozen=True, slots=True)
class DebugWindow:
    """The debug window that was opened last through us, or may have been; times in seconds."""

    opened: float
    duration: float
    sure: bool
    """False if the call was sent and not confirmed."""
    job: str
