"""How much of the store and of the others' patience a tenant may use at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from bulkhead.errors import InvalidInput

MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits that submit holds a tenant to; None is no limit.

    A job is open until it has ended, and with it all of its items, whatever became of them.
    """

    max_open_jobs: int | None = None
    max_open_items: int | None = None
    max_items_per_job: int | None = None

    @classmethod
    def from_fields(cls, kept: Mapping[str, str]) -> Quotas:
        """The quotas of a tenant's hash."""
        return cls(**{name: int(kept[name]) if kept.get(name) else None for name in QUOTAS})


QUOTAS = tuple(each.name for each in fields(Quotas))


def parse_quota(text: str) -> float:
    """A whole number, or infinity for `none`. Raises InvalidInput."""
    if text.strip().lower() == "none":
        return math.inf
    number = int(text) if text.strip().isdecimal() else 0
    if not 1 <= number <= MOST:
        raise InvalidInput(
            f"{text!r} is not a quota",
            why=f"it is a whole number from 1 to {MOST:,}, or none",
            to_do="write it like 100000, or none for no limit",
        )
    return number
