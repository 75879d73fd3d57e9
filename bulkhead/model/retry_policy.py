"""How often an item is tried, how long the pauses grow, and when it is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The answers to an attempt that did not succeed. Durations in seconds."""

    attempts: int = 6
    first: float = 0.5
    """The longest that the pause after the first attempt may be; it doubles from there."""
    longest: float = 60.0
    give_up_after: float = 6 * 3600.0
    """Counted from an item's first attempt."""

    def pause_after(self, tries: int) -> float:
        """The longest that the pause after so many attempts may be, in seconds."""
        # A power this large would not be a float any more.
        return float(min(self.longest, self.first * 2.0 ** min(tries - 1, 64)))

    def changed(self, wishes: Mapping[str, Any]) -> RetryPolicy:
        """The same with what a job wishes otherwise: names of ours to numbers, None for unsaid."""
        return replace(self, **{name: wish for name, wish in wishes.items() if wish is not None})
