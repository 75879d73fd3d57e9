"""How long the preview of a broadcast takes: `python -m benchmarks.preview_rate [RECIPIENTS]`.

The command as it is typed, from its start to its end, on a store of its own; no worker runs.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings

RECIPIENTS = 48_000
WITHIN = 5.0
"""Seconds: the promise, for RECIPIENTS of them."""
PASSES = 3
MESSAGE = "Hello {{name}}, see you in {{shop}}"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECIPIENTS
    with tempfile.TemporaryDirectory(prefix="bh-") as name:
        folder = Path(name)
        users = folder / "people.csv"
        with users.open("w", encoding="utf-8") as out:
            out.write("address,name,shop\n")
            out.writelines(f"user{n}@example.com,User {n},Shop {n % 7}\n" for n in range(count))
        with EmbeddedStore.start(folder / "store") as store:
            with connect(store.url) as redis:
                add_app(Fleet(Scripts(redis)))
            compare(store.url, str(users), count)


def add_app(fleet: Fleet) -> None:
    fleet.add_tenant("acme")
    settings = AppSettings(base_url="https://backend.example.com/")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))


def compare(url: str, users: str, count: int) -> None:
    words = ("--app", "acme/shop", "--from", "news", "--to-users", users, "--message", MESSAGE)
    create = ("broadcast", "create", *words)
    job = json.loads(typed(url, *create, "--hold", "--yes"))["id"]
    ways = {"dry run": (*create, "--dry-run"), "preview JOB": ("broadcast", "preview", job)}
    worst = 0.0
    for number in range(1, PASSES + 1):
        for way, line in ways.items():
            took, cpu = measured(url, line, count)
            worst = max(worst, took)
            print(f"pass {number} of {PASSES}, {way}: {took:.2f} s, {cpu:.2f} s of a processor")
    if count == RECIPIENTS:
        met = "met" if worst < WITHIN else "missed"
        print(f"{count:,} recipients: at most {worst:.2f} s; within {WITHIN:.0f} s is {met}")


def measured(url: str, line: tuple[str, ...], count: int) -> tuple[float, float]:
    """Seconds by the clock and of a processor. Ends the program if it counted wrongly."""
    before, began = processor(), time.perf_counter()
    calls = json.loads(typed(url, *line))["calls"]
    took = time.perf_counter() - began
    if calls != count:
        sys.exit(f"{calls:,} calls for {count:,} people; the figures would mean nothing")
    return took, processor() - before


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def typed(url: str, *words: str) -> str:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BULKHEAD_")}
    environment = kept | {"BULKHEAD_REDIS_URL": url, "BULKHEAD_SECRET_KEY": "k" * 40}
    command = [sys.executable, "-m", "producers.cli", *words, "-o", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
