"""How fast a users file is read and checked: `python -m benchmarks.rows_rate [ROWS]`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from producers.rows.open_input import open_input

ROWS = 1_000_000
PASSES = 3
HEADER = "address,name,active,appid,expiry,flags,custom_id,department\n"


def lines(count: int) -> Iterator[str]:
    """A header and `count` good rows of 84 bytes; some names are quoted, some accented."""
    yield HEADER
    for n in range(count):
        name = '"Example, Ann"' if n % 10 == 0 else "José Ejemplo" if n % 10 == 1 else "Ann Example"
        yield f"user{n:08d}@tenant.example,{name},true,com.example.shop,30d,0,hr-{n},Sales\n"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        with path.open("w", encoding="utf-8") as out:
            out.writelines(lines(count))
        for number in range(1, PASSES + 1):
            print(f"pass {number} of {PASSES}: {measured(path, count)}", flush=True)


def measured(path: Path, count: int) -> str:
    began, began_cpu = time.perf_counter(), time.process_time()
    with open_input(str(path)) as rows:
        good = sum(1 for row in rows if row.problem is None)
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    if good != count:
        sys.exit(f"{good:,} of {count:,} rows were good; the figures would mean nothing")
    return f"{count / took:,.0f} rows/s by the clock, {count / cpu:,.0f} by processor time"


if __name__ == "__main__":
    main()
