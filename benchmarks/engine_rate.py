"""What a slice of fifty items costs the engine: `python -m benchmarks.engine_rate [SLICES]`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from redis import Redis

from bulkhead.engine.connect import connect
from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.model.batch import Batch
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun, Report, Slice

SLICES = 2000
ITEMS = 50
NOW_MS = 1_900_000_000_000


def add_apps(redis: Redis, scripts: Scripts, apps: int, items: int) -> None:
    """Apps without a limit that answer in a millisecond, each with one job."""
    redis.hset(scripts.key("tenant", "acme"), mapping={"state": "active", "weight": "1"})
    for number in range(apps):
        name = f"acme/app{number}"
        limits = {"rate": "1000000", "burst": "1", "cap": "64", "weight": "1", "latency": "1000"}
        state = {"state": "active", "tenant": "acme", "cell": "main", "version": "1"}
        redis.hset(scripts.key("app", name), mapping=limits | state)
        draft = Draft(scripts, Request("users.import", "acme", name))
        draft.take(Batch(range(items), [["ann@example.com"]] * items, {}))
        draft.seal({})


def settled(part: Slice) -> Report:
    """The report of a slice whose every item succeeded."""
    items = list(indexes(part.ranges))
    report = Report(part.lease, part.app, part.job, 1, last=True, states={2: items})
    report.calls, report.latency = len(items), 1000
    upstream = {"op": "useradd", "http_status": 200}
    for item in items:
        row = [item, 2, "created_or_updated", "", "", upstream, 1, NOW_MS, NOW_MS]
        report.rows.append(row)
    return report


def server_seconds(redis: Redis) -> float:
    """Seconds of one core that the store has used so far."""
    told = redis.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def measure(redis: Redis, apps: int, slices: int) -> None:
    """Claim, begin and settle so many full slices, one a round trip, and print the cost."""
    redis.flushall()
    scripts = Scripts(redis)
    add_apps(redis, scripts, apps, ITEMS * (slices // apps + 1))
    verbs = Verbs(scripts, "bench", cell="main", egress="default")
    spent = {"claim": 0.0, "begin": 0.0, "settle": 0.0}
    redis.config_resetstat()
    before, done, items = server_seconds(redis), 0, 0
    while done < slices:
        began = time.perf_counter()
        parts = verbs.claim(8, ITEMS).slices
        claimed = time.perf_counter()
        answers = verbs.begin([part.lease for part in parts]) if parts else []
        begun = time.perf_counter()
        reports = [
            settled(part)
            for part, answer in zip(parts, answers, strict=True)
            if isinstance(answer, Begun)
        ]
        ran = time.perf_counter()
        if reports:
            verbs.settle(reports)
        spent["claim"] += claimed - began
        spent["begin"] += begun - claimed
        spent["settle"] += time.perf_counter() - ran
        done += len(reports)
        items += sum(report.calls for report in reports)
    cpu = (server_seconds(redis) - before) / done * 1e6
    parts_of_it = ", ".join(f"{verb} {took / done * 1e6:.0f}" for verb, took in spent.items())
    print(f"{apps:>6,} apps: {done:,} slices of {items / done:.1f} items", end="; ")
    scripts_us = redis.info("commandstats")["cmdstat_evalsha"]["usec"] / done
    print(f"scripts {scripts_us:.0f} µs a slice", end="; ")
    print(f"µs a slice as the worker waits: {parts_of_it}; store's core {cpu:.0f} µs a slice")


def main() -> None:
    slices = int(sys.argv[1]) if len(sys.argv) > 1 else SLICES
    folder = tempfile.TemporaryDirectory(prefix="bh-")
    with folder as home, EmbeddedStore.start(Path(home)) as store:
        redis = connect(store.url)
        for sync in ("always", "no"):
            redis.config_set("appendfsync", sync)
            print(f"appendfsync {sync}")
            for apps in (1, 10_000):
                measure(redis, apps, slices)


if __name__ == "__main__":
    main()
