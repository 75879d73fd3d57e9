"""Items of a job by number, as ranges: `3-9,12-12`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
