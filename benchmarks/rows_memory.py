"""Memory and speed of a submit: `python -m benchmarks.rows_memory [FEW] [MANY]`.

Each line is two fresh processes that read a file and make a job of it in an embedded store.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from benchmarks.rows_rate import lines
from bulkhead.engine.connect import connect
from bulkhead.engine.draft import Request
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from bulkhead.submitting import submit_batches
from producers.cli.people import described
from producers.rows.open_input import open_input

FEW, MANY = 10_000, 1_000_000
APP = "bench/shop"


def twice(count: int) -> Iterator[str]:
    """Every row twice, the second time far away."""
    yield from lines(count // 2)
    yield from islice(lines(count // 2), 1, None)


def alike(count: int) -> Iterator[str]:
    """One row, over and over."""
    header, row = lines(1)
    yield header
    for _ in range(count):
        yield row


def objects(count: int) -> Iterator[str]:
    """The rows as JSON Lines."""
    for n in range(count):
        one = {"address": f"user{n:08d}@tenant.example", "name": "Ann Example", "active": True}
        yield json.dumps({**one, "custom_id": f"hr-{n}", "department": "Sales"}) + "\n"


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {
    "all different": lines,
    "every row twice": twice,
    "all the same": alike,
    "JSON Lines": objects,
}


def main() -> None:
    few, many = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (FEW, MANY)
    print(
        f"{'file':<16} {'peak of ' + f'{few:,}':>18} {'of ' + f'{many:,}':>16} {'more':>10}  rate"
    )
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        store = EmbeddedStore.start(Path(folder) / "store")
        try:
            for name, shape in SHAPES.items():
                small, large = (
                    measured(store, Path(folder), shape, count) for count in (few, many)
                )
                print(
                    f"{name:<16} {small['mib']:>14.1f} MiB {large['mib']:>12.1f} MiB "
                    f"{large['mib'] - small['mib']:>6.1f} MiB  {many / large['clock']:,.0f} rows/s "
                    f"by the clock, {many / large['cpu']:,.0f} by processor time",
                    flush=True,
                )
        finally:
            store.stop()


def measured(
    store: EmbeddedStore, folder: Path, shape: Callable[[int], Iterator[str]], count: int
) -> dict[str, float]:
    """What a process of its own took to make a job of such a file."""
    redis = connect(store.url)
    redis.flushall()
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("bench")
    settings = AppSettings(base_url="https://api.example.com/backend/")
    fleet.add_app(APP, settings, SealedToken("box", "last", "print"))
    path = folder / "people"
    with path.open("w", encoding="utf-8") as out:
        out.writelines(shape(count))
    words = [sys.executable, "-m", "benchmarks.rows_memory", "--one", store.url, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    if found["rows"] != count:
        sys.exit(f"{found['rows']:,} of {count:,} rows were read; the figures would mean nothing")
    return found


def one(url: str, path: str) -> None:
    """Make the job, and print what it took."""
    scripts = Scripts(connect(url))
    began, began_cpu = time.perf_counter(), time.process_time()
    with open_input(path) as rows:
        request = Request(
            "users.import", "bench", APP, columns=rows.columns, mapping=asdict(rows.mapping)
        )
        job = submit_batches(scripts, request, rows.batches(), lambda: described(rows))
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(json.dumps({"mib": _own_peak(), "clock": took, "cpu": cpu, "rows": job.counts.total}))


def _own_peak() -> float:
    """MiB. getrusage would count what the process was before it became this program."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
    else:
        main()
