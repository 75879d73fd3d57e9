"""What delivery costs the store: `python -m benchmarks.delivery_cost [RECIPIENTS]`.

Bytes a recipient and a member of a group, and processor time an event; the store syncs nothing.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.engine_rate import add_apps, server_seconds, settled
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.inbound import InboundEvents
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.inbound.event import Delivery
from bulkhead.inbound.reading import read_delivery
from bulkhead.model.delivery import recipient_digest
from bulkhead.model.slice import Begun

RECIPIENTS = 100_000
MEMBERS = 50
TOGETHER = 200
STRANGE = 10_000
APP = "acme/app0"


def send(redis: Redis, mids: Sequence[int], to: str, *, noted: bool) -> float:
    """Store seconds of a job whose every item is accepted under its mid; noted, or not."""
    scripts = Scripts(redis)
    add_apps(redis, scripts, 1, len(mids))
    redis.hset(scripts.key("app", APP), "base_url", "https://backend.example")
    verbs = Verbs(scripts, "bench", cell="main", egress="default")
    before, done = server_seconds(redis), 0
    while done < len(mids):
        parts = verbs.claim(8, 50).slices
        answers = verbs.begin([part.lease for part in parts]) if parts else []
        reports = [
            settled(part)
            for part, answer in zip(parts, answers, strict=True)
            if isinstance(answer, Begun)
        ]
        for report in reports:
            items = report.states[2]
            done += len(items)
            if noted:
                report.mids = [(i, mids[i], recipient_digest(f"{to}{i}")) for i in items]
        if reports:
            verbs.settle(reports)
    return server_seconds(redis) - before


def deliveries(events: Sequence[dict[str, Any]]) -> Iterator[Delivery]:
    """The events as mesibo might send them, none of them known as a repeat."""
    for start in range(0, len(events), TOGETHER):
        body = {"v": 2, "aid": 7, "events": events[start : start + TOGETHER]}
        read = read_delivery(json.dumps(body).encode())
        if isinstance(read, Delivery):
            yield read


def tell(redis: Redis, what: str, events: Sequence[dict[str, Any]]) -> None:
    """Print what an event costs, and how many found their message."""
    inbound, placed = InboundEvents(Scripts(redis)), 0
    before = server_seconds(redis)
    for delivery in deliveries(events):
        placed += inbound.append(APP, delivery).placed
    micros = (server_seconds(redis) - before) * 1e6 / len(events)
    print(f"{what:<28} {micros:6.1f} µs an event, {placed:,} of {len(events):,} placed")


def event(mid: int, to: str, gid: int = 0) -> dict[str, Any]:
    """An event in the sandbox's shape."""
    message = {"mid": mid, "from": "news", "to": to, "gid": gid}
    return {"type": "message", "message": message, "status": "delivered"}


def weigh(redis: Redis, what: str, pattern: str, number: int) -> None:
    """Print the bytes of the keys of that name, for each of so many."""
    names = list(redis.scan_iter(pattern, 1000))
    size = sum(redis.memory_usage(name, samples=0) or 0 for name in names)
    print(f"{what:<28} {size / number:6.1f} bytes each, {len(names):,} keys")


def measure(redis: Redis, recipients: int) -> None:
    """People, then groups, then strangers."""
    mids = random.Random(7).sample(range(1 << 32), recipients)
    without = send(redis, mids, "user", noted=False)
    redis.flushall()
    noted = send(redis, mids, "user", noted=True)
    each = 1e6 / recipients
    print(f"{'an item, without its number':<28} {without * each:6.1f} µs")
    print(f"{'an item, with it':<28} {noted * each:6.1f} µs")
    tell(redis, "people", [event(mid, f"user{i}") for i, mid in enumerate(mids)])
    weigh(redis, "a number", "*:mids*", recipients)
    weigh(redis, "a state", "*:delivery", recipients)
    strange = [event(mid ^ 1, f"nobody{i}") for i, mid in enumerate(mids[:STRANGE])]
    tell(redis, "strangers", strange)
    redis.flushall()
    groups = mids[: recipients // MEMBERS]
    send(redis, groups, "gid:", noted=True)
    people = range(MEMBERS)
    told = [event(mid, f"m{n}", i) for i, mid in enumerate(groups) if i for n in people]
    tell(redis, "members of groups", told)
    weigh(redis, "a member", "*:heard*", len(told))


def main() -> None:
    recipients = int(sys.argv[1]) if len(sys.argv) > 1 else RECIPIENTS
    folder = tempfile.TemporaryDirectory(prefix="bh-")
    with folder as home, EmbeddedStore.start(Path(home)) as store:
        redis = connect(store.url)
        redis.config_set("appendfsync", "no")
        measure(redis, recipients)


if __name__ == "__main__":
    main()
