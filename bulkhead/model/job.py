"""A job: one request, its states, its exact counts, and the document that shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class JobState(StrEnum):
    """Where a job is; docs/states.md has the picture."""

    VALIDATING = "validating"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"

    @property
    def terminal(self) -> bool:
        """True once the state can never change again."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        JobState.COMPLETED,
        JobState.COMPLETED_WITH_ERRORS,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
        JobState.REJECTED,
    }
)

PRIORITIES: Mapping[str, int] = {"urgent": 16, "normal": 4, "bulk": 1}
"""A job's weight inside its app."""


PASSING = "schedule"
"""A job that is paused by this goes on by itself, when its window opens."""


def new_job_id(now: float | None = None) -> str:
    """A job id that sorts by the time it was made and cannot be guessed."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    number = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    return "job_" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Counts:
    """Every item of the job, in exactly one place: `total` is the sum of the others."""

    total: int
    pending: int
    in_flight: int
    succeeded: int
    skipped: int
    failed: int
    unknown: int
    cancelled: int
    not_attempted: int

    @property
    def settled(self) -> int:
        """Items whose outcome is known or will stay unknown."""
        return self.total - self.pending - self.in_flight


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many items ended with one code, and the first lines that did."""

    code: str
    count: int
    first_lines: tuple[int, ...]
    hint: str


@dataclass(frozen=True, slots=True)
class Job:
    """The job document of the contract, as one reading of the store."""

    id: str
    kind: str
    tenant: str | None
    """None if its apps may be of several tenants."""
    app: str | None
    state: JobState
    version: int
    counts: Counts
    labels: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    errors_by_code: tuple[CodeCount, ...] = ()
    pace: Mapping[str, Any] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, str | None] = field(default_factory=dict)
    results_expire_at: str | None = None
    parent: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    paused: Mapping[str, str] | None = None
    """By whom and why, while the state is `paused`; `until` where it goes on by itself."""
    apps: int | None = None
    """Of a fleet job, which has no `app`: how many it is for."""
    on_unknown: str | None = None
    """What becomes of calls that were never confirmed, where that is not `hold`."""
    window: str | None = None
    """The times of day in which its calls may start, and their zone."""
    session: Mapping[str, str | None] | None = None
    """Of a job with a real-time sender: `sender`, and while it is open the `state` and `why`."""

    @property
    def needs_a_person(self) -> bool:
        """True while it is paused and will not go on by itself."""
        return self.paused is not None and self.paused["by"] != PASSING

    @property
    def ended(self) -> bool:
        """True once no call is in flight either: from then on only `unknown` rows can change.

        A cancelled job has its last state at once, and its last results when their calls are back.
        """
        return self.state.terminal and not self.counts.in_flight

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON shows it."""
        document = asdict(self)
        document["state"] = self.state.value
        document["errors_by_code"] = [
            {**entry, "first_lines": list(entry["first_lines"])}
            for entry in document["errors_by_code"]
        ]
        for name in ("paused", "apps", "on_unknown", "window", "session"):
            if document[name] is None:
                del document[name]
        return document


def rfc3339(microseconds: float | None) -> str | None:
    """The instant in UTC with milliseconds, as every document writes it."""
    if microseconds is None:
        return None
    moment = datetime.fromtimestamp(microseconds / 1e6, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
