"""Rows a second from a CSV file, and memory: `python -m benchmarks.submit_rate`.

A process of its own reads, checks, packs and seals a file into a store that syncs every write.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main, say
from benchmarks.rows_memory import measured
from benchmarks.rows_rate import lines
from bulkhead.engine.embedded import EmbeddedStore

FEW, MANY, TURNS = 10_000, 1_000_000, 3
RATE_BAR, MEMORY_BAR = 200_000, 30


def measure() -> Answer:
    """Few and many rows, in turns."""
    found: dict[int, list[dict[str, float]]] = {FEW: [], MANY: []}
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        store = EmbeddedStore.start(Path(folder) / "store")
        try:
            for turn in range(TURNS):
                for count, turns in found.items():
                    turns.append(measured(store, Path(folder), lines, count))
                say(f"turn {turn + 1}: {MANY / found[MANY][-1]['clock']:,.0f} rows/s")
        finally:
            store.stop()
    return judged(found)


def judged(found: dict[int, list[dict[str, float]]]) -> Answer:
    """Medians of the turns; for memory the highest of many against the lowest of few."""
    table, rates = [], {}
    for count, turns in found.items():
        rates[count] = count / median(turn["clock"] for turn in turns)
        own = count / median(turn["cpu"] for turn in turns)
        peak = max(turn["mib"] for turn in turns)
        table.append((f"{count:,} rows", f"{rates[count]:,.0f}", f"{own:,.0f}", f"{peak:.1f}"))
    more = max(turn["mib"] for turn in found[MANY]) - min(turn["mib"] for turn in found[FEW])
    heads = ("a file of", "rows/s", "by processor time", "peak, MiB")
    rows = [
        Row(
            "submit from a CSV file, everything included",
            f"≥ {RATE_BAR:,} rows/s",
            f"{rates[MANY]:,.0f} rows/s",
            rates[MANY] >= RATE_BAR,
            f"{MANY:,} rows",
        ),
        Row(
            "its memory, from 10⁴ to 10⁶ rows",
            f"≤ {MEMORY_BAR} MiB more",
            f"{more:+.1f} MiB",
            more <= MEMORY_BAR,
            "submit only; `python -m benchmarks.million` runs the whole path, too long for here",
        ),
    ]
    figures = {"turns": {str(count): turns for count, turns in found.items()}}
    return Answer(rows, [Table(f"medians of {TURNS}", heads, table)], figures)


if __name__ == "__main__":
    sys.exit(main(measure, "submit_rate", __doc__))
