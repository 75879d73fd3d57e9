"""How fast a users file is read and checked: `python -m benchmarks.rows_rate [ROWS]`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from producers.rows.csv_file import open_rows

ROWS = 1_000_000
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
        began = time.perf_counter()
        with open_rows(str(path)) as rows:
            good = sum(1 for row in rows if row.problem is None)
        took = time.perf_counter() - began
    print(f"{good:,} good rows of {count:,}, {rows.bytes:,} bytes, in {took:.2f} s")
    print(f"{count / took:,.0f} rows/s read and checked, on one core")


if __name__ == "__main__":
    main()
