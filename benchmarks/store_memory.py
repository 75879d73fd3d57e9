"""Bytes of the store for a user, everything included: `python -m benchmarks.store_memory`.

A real import with a token for everyone, against the sandbox; read back, then the store weighed.
"""

from __future__ import annotations

import sys

from benchmarks.answer import Answer, Row, Table
from benchmarks.million import ITEM_BAR, measure_one
from benchmarks.question import main

ITEMS = 20_000
WHOLE = 1_000_000


def measure() -> Answer:
    """As many users as there is time for, and what that says of a million."""
    found = measure_one(ITEMS, tokens=True)
    each = {name: size / found.items for name, size in found.parts.items()}
    total = each["all of it"]
    row = Row(
        f"store memory for {WHOLE:,} users: input, results, record, tokens",
        f"≤ {ITEM_BAR} bytes an item",
        f"{total:.0f} bytes",
        total <= ITEM_BAR,
        f"extrapolated from {ITEMS:,}; `python -m benchmarks.million --tokens` runs them all",
    )
    ordered = sorted(each.items(), key=lambda pair: -pair[1])
    lines = [(name, f"{size:.1f}") for name, size in ordered]
    table = Table(f"{ITEMS:,} users with tokens", ("part", "bytes an item"), lines)
    return Answer([row], [table], {"items": ITEMS, "parts": dict(found.parts)})


if __name__ == "__main__":
    sys.exit(main(measure, "store_memory", __doc__))
