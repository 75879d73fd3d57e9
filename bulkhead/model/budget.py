"""How many rows of a job may fail before it is paused."""

from __future__ import annotations

import re

MOST_FAILURES = r"[0-9]{1,9}|([0-9]{1,2}(\.[0-9]{1,3})?|100(\.0{1,3})?)%"
"""A pattern of a number of rows, or of a part of them such as `2%`."""

_WRITTEN = re.compile(MOST_FAILURES)


def is_budget(text: str) -> bool:
    """Whether the text says how many rows may fail."""
    return _WRITTEN.fullmatch(text) is not None
