"""Text: what UTF-8 cannot carry, and lists of names in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LOST = "\ufffd"
"""Stands for what is no text."""
_HALF = re.compile("[\ud800-\udfff]")


def has_surrogate(texts: Iterable[str]) -> bool:
    """True if one holds what no UTF-8 can: a byte that did not fit, or half a character."""
    whole = "".join(texts)
    return not whole.isascii() and _HALF.search(whole) is not None


def readable(text: str) -> str:
    """The text with � for everything that is none."""
    return _HALF.sub(LOST, text)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
