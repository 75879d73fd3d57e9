"""What a code is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fatal", "row", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """One thing that can go wrong, named once for every screen, file and log line.

    `fatal` stops an app or a job, `row` concerns one item, `warning` stops nothing.
    """

    name: str
    level: Level
    retryable: bool
    meaning: str
    fix: str
