"""Slices and parcels: what a worker was granted, and what it reports back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bulkhead.model.kind import KINDS, family
from bulkhead.model.outcome import Repeat
from bulkhead.model.push import Leave, Wish
from bulkhead.model.ranges import Ranges, indexes, parse_ranges, write_ranges
from bulkhead.model.traffic import Traffic
from bulkhead.secrets import Secret

LOOK = "look"
"""The step of a slice that looks its items up on the record and makes no call."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Items of one job that hold permits, a call each or for several, under one lease."""

    lease: str
    app: str
    job: str
    kind: str
    ranges: Ranges
    parallel: int
    offsets: tuple[int, ...]
    """Microseconds after the claim at which each call may start."""
    step: str = ""
    """Which of an item's calls this is; empty for the first. A slice has items of one step."""

    paced: bool = True
    """False where permits come so fast that none can be missed: calls start as lanes are free."""
    join: int = 1
    """The most items that one call may carry; with 1, each item has a permit of its own."""

    @property
    def operation(self) -> str:
        """The step by which its operation is found."""
        return family(self.step)

    @property
    def marks(self) -> bool:
        """True if items of it are marked as sent when it is begun, as far as is known here."""
        if self.step == LOOK:
            return False
        kind = KINDS.get(self.kind)
        return kind is None or kind.steps.get(self.operation) is not Repeat.SAFE

    def to_message(self) -> list[object]:
        """The slice as it travels in a parcel: names and numbers, never a secret."""
        ranges = write_ranges(indexes(self.ranges))
        numbers = [ranges, self.parallel, self.offsets, self.step, self.paced, self.join]
        return [self.lease, self.app, self.job, self.kind, *numbers]

    @classmethod
    def from_message(cls, message: Sequence[object]) -> Slice:
        lease, app, job, kind, ranges, parallel, offsets, step, paced, join = message
        return cls(
            lease=str(lease),
            app=str(app),
            job=str(job),
            kind=str(kind),
            ranges=parse_ranges(str(ranges)),
            parallel=int(str(parallel)),
            offsets=tuple(offsets),  # type: ignore[arg-type]
            step=str(step),
            paced=bool(paced),
            join=int(str(join)),
        )


@dataclass(frozen=True, slots=True)
class Tries:
    """How often an item was tried before, and when first (milliseconds since 1970)."""

    count: int = 0
    first_at: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What the record says of an item's address: by which job, and whether a token was issued."""

    same: bool
    """True if the job sent the content that the item has now."""
    token: bool
    job: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A slice may run: calls may start for `left` more microseconds."""

    left: int
    since_claim: int
    app_version: str
    tries: dict[int, Tries]
    known: dict[int, Known] = field(default_factory=dict)
    """Items whose address is on the record."""
    opens: int | None = None
    """Set for the first slice of its job to begin: the packed results the job began with."""
    leaves: Mapping[Wish, Leave] = field(default_factory=dict)
    """What the store said to its wishes, where they were asked together with other slices'."""


@dataclass(frozen=True, slots=True)
class Held:
    """A slice may not run, and its permits are back where they came from."""

    reason: str


@dataclass(slots=True)
class Report:
    """What became of items of one lease since the last report."""

    lease: str
    app: str
    job: str
    seq: int
    last: bool = False
    left: str = ""
    states: dict[int, list[int]] = field(default_factory=dict)
    """Item state → item numbers."""
    back: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    retries: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    """(item, microseconds from now, tries so far, first try in milliseconds since 1970, step)."""
    waits: list[tuple[int, int, int, int, str, str]] = field(default_factory=list)
    """The same of items that wait for an event, and whom it is about."""
    next: dict[str, list[int]] = field(default_factory=dict)
    """Step → items that go on with it."""
    why: list[tuple[int, str]] = field(default_factory=list)
    """Items and what is kept of why they go on with their step; nothing once they have ended."""
    free: int = 0
    """Items that needed no call: their permits go back."""
    done: list[tuple[str, str, int]] = field(default_factory=list)
    """For the record: (address, digest or empty to keep it, 1 if a token was issued)."""
    forget: list[str] = field(default_factory=list)
    """Addresses that are no longer there."""
    revoked: list[str] = field(default_factory=list)
    """Addresses whose token is no longer good."""
    tokens: list[tuple[int, Secret]] = field(default_factory=list)
    """Issued user tokens by item."""
    creds: list[tuple[str, str]] = field(default_factory=list)
    """Slots of the app and what is in them now, as the record of credentials keeps it."""
    push: list[tuple[str, str, str]] = field(default_factory=list)
    """What else mesibo was told about push: (hash of the app, field, JSON)."""
    groups: list[tuple[str, str, str]] = field(default_factory=list)
    """What became of groups: (`put`, `drop` or `end`, which, JSON), as `groups.lua` books it."""
    mids: list[tuple[int, int, int]] = field(default_factory=list)
    """Messages that were accepted: (item, low word of the mid, digest of the recipient)."""
    codes: dict[str, list[int]] = field(default_factory=dict)
    """Code → lines of the input."""
    traffic: Traffic = field(default_factory=Traffic)
    calls: int = 0
    latency: int = 0
    """Mean of the calls, microseconds; 0 if there was none."""
    throttled: int = 0
    """Calls that were answered "slow down"."""
    troubled: int = 0
    """Calls that a backend in trouble failed: no connection, no answer, an error of its own."""
    after: int = 0
    """Microseconds after which the backend asked to be called again; 0 if it named no time."""
    waiting: int = 0
    """Microseconds that the oldest call of the slice is out already; 0 if none is out for long."""
    lanes: int = -1
    """Calls at once that the slice still needs, at most; -1 if as many as it was granted."""
    cool: int | None = None
    """Microseconds that the app is to rest because this worker cannot call it."""
    stop: tuple[str, str] | None = None
    app_version: str = ""
    """The version of the app's settings and token that the calls were made with."""
    rows: list[list[object]] = field(default_factory=list)
    """Results, as `packing` writes them."""
