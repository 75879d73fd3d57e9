"""Slices and parcels: what a worker was granted, and what it reports back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Ranges = tuple[tuple[int, int], ...]
"""Item numbers as (first, last), both included."""


def parse_ranges(text: str) -> Ranges:
    """The ranges written as `3-9,12-12`."""
    if not text:
        return ()
    pairs = (part.split("-") for part in text.split(","))
    return tuple((int(first), int(last)) for first, last in pairs)


def write_ranges(indexes: Iterable[int]) -> str:
    """The shortest ranges that hold these item numbers, in order."""
    parts: list[list[int]] = []
    for index in sorted(indexes):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(f"{first}-{last}" for first, last in parts)


def indexes(ranges: Ranges) -> Iterator[int]:
    """Every item number in the ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)


@dataclass(frozen=True, slots=True)
class Slice:
    """Items of one job that hold permits, under one lease."""

    lease: str
    app: str
    job: str
    kind: str
    ranges: Ranges
    parallel: int
    offsets: tuple[int, ...]
    """Microseconds after the claim at which each item's call may start."""

    def to_message(self) -> list[object]:
        """The slice as it travels in a parcel: names and numbers, never a secret."""
        ranges = write_ranges(indexes(self.ranges))
        return [self.lease, self.app, self.job, self.kind, ranges, self.parallel, self.offsets]

    @classmethod
    def from_message(cls, message: Sequence[object]) -> Slice:
        lease, app, job, kind, ranges, parallel, offsets = message
        return cls(
            lease=str(lease),
            app=str(app),
            job=str(job),
            kind=str(kind),
            ranges=parse_ranges(str(ranges)),
            parallel=int(str(parallel)),
            offsets=tuple(offsets),  # type: ignore[arg-type]
        )


@dataclass(frozen=True, slots=True)
class Tries:
    """How often an item was tried before, and when first (milliseconds since 1970)."""

    count: int = 0
    first_at: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """A slice may run: calls may start for `left` more microseconds."""

    left: int
    since_claim: int
    app_version: str
    tries: dict[int, Tries]


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
    retries: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(item, microseconds from now, tries so far, first try in milliseconds since 1970)."""
    codes: dict[str, list[int]] = field(default_factory=dict)
    """Code → lines of the input."""
    calls: int = 0
    latency: int = 0
    """Mean of the calls, microseconds; 0 if there was none."""
    cool: int | None = None
    stop: tuple[str, str] | None = None
    app_version: str = ""
    """The version of the app's settings and token that the calls were made with."""
    rows: list[list[object]] = field(default_factory=list)
    """Results, as `packing` writes them."""
