"""Waiting for a condition, never longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class TooLate(Exception):
    """What was waited for did not come: there is no figure."""


def until(condition: Callable[[], Found], seconds: float, pause: float = 0.05) -> Found:
    """Its first true value. Raises TooLate."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TooLate(f"not within {seconds:.0f} s")
        time.sleep(pause)
    return value
