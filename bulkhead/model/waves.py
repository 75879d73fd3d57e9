"""A job over many apps: in which order it reaches them, and what ends it early."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bulkhead.errors import InvalidInput

SEVERAL = "*"
"""Stands where a tenant's name does, of a job whose apps may be of any tenant."""

_SIZE = re.compile(r"([1-9]\d{0,6})|(100|[1-9]?\d(?:\.\d+)?)%")


@dataclass(frozen=True, slots=True)
class Waves:
    """After how many apps each wave ends, rising to all of them.

    A wave begins `soak` seconds after the one before has ended with every item succeeded. With
    `rollback`, the items of a wave in which one did not succeed go back to what they were.
    """

    ends: tuple[int, ...]
    soak: float = 0.0
    rollback: bool = False

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip((0, *self.ends), self.ends, strict=False))
        if not self.ends or not rising or self.soak < 0:
            raise ValueError(f"no waves: {self}")

    def to_fields(self) -> dict[str, str]:
        """What the store keeps of it with the job."""
        return {
            "waves": ",".join(map(str, self.ends)),
            "wave_end": str(self.ends[0]),
            "soak": str(round(self.soak * 1e6)),
            "rollback": "1" if self.rollback else "",
        }


def wave_ends(text: str, apps: int) -> tuple[int, ...]:
    """Where waves written like `1,10%,100%` end among so many apps; the last one has all.

    Each part is how many apps have been reached when its wave is over: a number or a part of all,
    rounded up. Raises InvalidInput.
    """
    sizes = [_SIZE.fullmatch(part.strip()) for part in text.split(",")]
    if not all(sizes):
        raise _unusable(text, "each wave is a number of apps, or a part of them such as 10%")
    ends = [_end(size, apps) for size in sizes if size]
    if ends != sorted(ends):
        raise _unusable(text, "each wave reaches as many apps as the one before, or more")
    return tuple(dict.fromkeys(_clipped([*ends, apps], apps)))


def _end(size: re.Match[str], apps: int) -> int:
    number, part = size.groups()
    return int(number) if number else math.ceil(apps * float(part) / 100)


def _clipped(ends: Iterable[int], apps: int) -> Iterable[int]:
    return (min(end, apps) for end in ends if end > 0)


def _unusable(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"`{text}` is not usable as waves", why=why, to_do="write them like 1,10%,100%"
    )
