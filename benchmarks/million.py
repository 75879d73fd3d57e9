"""Memory of the whole path: `python -m benchmarks.million [FEW] [MANY] [--tokens]`.

Imports FEW and then MANY users, each into a fresh product and against a fresh sandbox without a
rate limit, and reads results and errors back. Prints the peak memory of every command and of each
worker, and the store's bytes an item by part. Bars: 30 MiB more for MANY, 200 bytes an item.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import product
from benchmarks.backend import WrongCount
from bulkhead.engine.connect import connect
from bulkhead.engine.script import Scripts
from bulkhead.settings import Settings
from bulkhead.site import Site

FEW, MANY = 10_000, 1_000_000
MIB = 2**20
MORE_BAR, ITEM_BAR = 30, 200
"""MiB more for MANY rows; bytes an item in the store."""

PARTS = (
    (":seg:", "input"),
    (":map", "states"),
    (":out", "results"),
    (":tokens", "tokens"),
    (":done:", "record"),
    (":stats:", "statistics"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One import: bytes at the peak of each process, and in the store by part."""

    items: int
    seconds: float
    peaks: Mapping[str, int]
    parts: Mapping[str, int]


def main() -> int:
    """Print both sizes side by side; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("few", type=int, nargs="?", default=FEW)
    parser.add_argument("many", type=int, nargs="?", default=MANY)
    parser.add_argument("--tokens", action="store_true", help="issue a token to everyone as well")
    asked = parser.parse_args()
    few, many = (measure_one(items, asked.tokens) for items in (asked.few, asked.many))
    print(f"\n{'peak memory, MiB':<28}{few.items:>12,}{many.items:>12,}{'more':>8}")
    for name, peak in few.peaks.items():
        more = (many.peaks[name] - peak) / MIB
        print(f"{name:<28}{peak / MIB:>12.1f}{many.peaks[name] / MIB:>12.1f}{more:>8.1f}")
    print(f"\n{'store, bytes an item':<28}{few.items:>12,}{many.items:>12,}")
    for name, size in many.parts.items():
        before = few.parts.get(name, 0)
        print(f"{name:<28}{before / few.items:>12.1f}{size / many.items:>12.1f}")
    worst = max(many.peaks[name] - peak for name, peak in few.peaks.items()) / MIB
    item = many.parts["all of it"] / many.items
    print(f"\nmost that grew: {worst:.1f} MiB (bar {MORE_BAR}); {item:.0f} bytes (bar {ITEM_BAR})")
    print(f"{many.items:,} rows took {many.seconds:,.0f} s; load {os.getloadavg()[0]:.1f}")
    return int(worst > MORE_BAR or item > ITEM_BAR)


def measure_one(items: int, tokens: bool) -> Measured:
    """Import so many people, read everything back, and look at what it took."""
    with tempfile.TemporaryDirectory(prefix="bh-") as folder, sandbox(Path(folder)) as url:
        home = Path(folder)
        environ = {**os.environ, "BULKHEAD_HOME": folder, "BULKHEAD_LOG_LEVEL": "INFO"}
        with product.running(home, environ):
            product.add_app(environ, url)
            people = product.people(home, items)
            empty = _store(environ)
            words = ["users", "import", str(people), "--app", product.APP, "--wait"]
            words += ["--tokens", "missing"] if tokens else []
            job, peaks = _run_all(environ, home, words)
            if job["counts"]["succeeded"] != items:
                raise WrongCount(f"the job counts {job['counts']}")
            for number, worker in enumerate(_workers(environ), 1):
                peaks[f"worker {number}"] = _peak_of(worker)
            parts = _store(environ)
            parts = {name: size - empty.get(name, 0) for name, size in parts.items()}
            return Measured(items, _seconds(job), peaks, parts)


def _run_all(
    environ: Mapping[str, str], home: Path, words: list[str]
) -> tuple[dict[str, Any], dict[str, int]]:
    said = home / "job.json"
    peaks = {"users import --wait": run(environ, words, said)}
    job: dict[str, Any] = json.loads(said.read_text())
    results, errors = home / "results.jsonl", home / "errors.csv"
    peaks["jobs results"] = run(environ, ["jobs", "results", job["id"], "-o", "jsonl"], results)
    peaks["jobs errors"] = run(environ, ["jobs", "errors", job["id"], "-o", "csv"], errors)
    with results.open() as lines:
        rows = sum(1 for _ in lines)
    if rows != job["counts"]["total"]:
        raise WrongCount(f"{rows} results of {job['counts']['total']} items")
    return job, peaks


def run(environ: Mapping[str, str], words: list[str], out: Path) -> int:
    """Run a command with its output to a file; the bytes of its peak."""
    form = [] if "-o" in words else ["-o", "json"]
    with out.open("wb") as file:
        process = subprocess.Popen([*product.COMMAND, *words, *form], env=environ, stdout=file)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"bulkhead {' '.join(words[:2])} ended with {process.returncode}")
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _workers(environ: Mapping[str, str]) -> list[int]:
    found = subprocess.run(
        [*product.COMMAND, "workers", "list", "-o", "json"],
        env=environ,
        capture_output=True,
        check=True,
    )
    return sorted(int(worker["pid"]) for worker in json.loads(found.stdout))


def _peak_of(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell the peak of a process")


def _store(environ: Mapping[str, str]) -> dict[str, int]:
    """Bytes by part, as the store counts each key, and as it counts itself."""
    redis: Any = connect(Site.of(Settings.load(environ)).store_url)
    found: Counter[str] = Counter()
    for key in redis.scan_iter(f"{Scripts(redis).root}:*", count=1000):
        name = next((part for mark, part in PARTS if mark in key.decode() + ":"), "all else")
        if name == "all else" and key.endswith((b":map", b":out", b":tokens")):
            name = next(part for mark, part in PARTS if key.decode().endswith(mark))
        found[name] += redis.memory_usage(key, samples=0) or 0
    found["all of it"] = redis.info("memory")["used_memory"]
    return dict(found)


def _seconds(job: Mapping[str, Any]) -> float:
    return product.between(job, "started_at", "finished_at")


@contextmanager
def sandbox(home: Path) -> Iterator[str]:
    """A sandbox that knows the app, without a rate limit; its backend's URL."""
    apps = home / "apps.json"
    apps.write_text(json.dumps([{"token": product.TOKEN}]))
    words = ["sandbox", "serve", "--port", "0", "--apps", str(apps)]
    with (home / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(
            [*product.COMMAND, *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
