"""`kill -9` of workers, leashes and store, over and over, while everything else goes wrong too.

Afterwards the sandbox's record is held against the results, item by item. The instants are drawn
from a seed that is printed; `CHAOS_SEED` gives it, `CHAOS_SECONDS` another length.
"""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.chaos import SLOTS, WORK, Site
from tests.e2e.chaos_load import ONCE, SAFE_LATENCY, Load, Record, lost, outcomes, why_unknown
from tests.e2e.product import measured, until

RESUMES_WITHIN, SLACK = 15.0, 60.0
"""Seconds: the product's promise, and more on a machine with other things to do."""


@pytest.fixture
def site(product):
    made = Site(product)
    yield made
    made.end()


def storm(site, load, seed, seconds):
    """Kill, interfere and break answers until the time is up."""
    over = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        customers = threads.submit(order, site, load, random.Random(seed + 1), over)
        try:
            kill(site, load, random.Random(seed), seconds)
        finally:
            over.set()
        customers.result()


def order(site, load, chance, over):
    """What customers do meanwhile: they order more, pause, resume and cancel."""
    while not over.wait(0.5):
        site.patiently(load.add)
        if chance.random() < 0.5:
            site.patiently(lambda: site.interfere(chance, load.any()))


def kill(site, load, chance, seconds):
    """Worker after worker, in the moment in which it holds a begun lease; now and then the rest."""
    ends = time.monotonic() + seconds
    next_store = time.monotonic() + seconds * 0.3
    next_trouble = next_leash = resting = 0.0
    pause = threading.Event()
    while (now := time.monotonic()) < ends:
        site.keep()
        if now >= next_trouble:
            load.trouble(burst=chance.random() < 0.4)
            next_trouble = now + 5
        if now >= next_store:
            site.kill_store()
            next_store = now + chance.uniform(20, 40)
        if now >= next_leash:
            site.kill_leash()
            next_leash = now + chance.uniform(10, 30)
        if now >= resting and site.patiently(lambda: site.kill_worker(chance)):
            resting = now + chance.uniform(0, 1.5)
        pause.wait(0.02)


def ended(site):
    """Whether every lease that was hit has ended."""
    return all(kill.ended_after is not None for kill in site.tally.hits)


def check_safe(site, load):
    """Every row arrived and succeeded; how many calls were made again because of kills."""
    found, codes = outcomes(load, "acme/shop")
    record = Record(load, "acme/shop")
    assert len(found) == load.next["acme/shop"], "a row has no result"
    assert set(codes) <= {"POISON"}, codes
    assert set(found.values()) <= {"succeeded", "failed"}, Counter(found.values())
    missing = [
        key for key, said in found.items() if said == "succeeded" and not record.applied(key)
    ]
    assert missing == []
    repeated = 0
    for calls in record.calls.values():
        counted = [one for one in calls if one["outcome"] != "throttled" and not lost(one)]
        repeated += max(0, len(counted) - 1)
    kills = len(site.tally.hits)
    measured(
        f"safe: {len(found)} rows, {dict(Counter(found.values()))}, {repeated} calls repeated "
        f"in {kills} kills ({repeated / max(1, kills):.1f} a kill)"
    )
    assert repeated <= kills * SLOTS * WORK / SAFE_LATENCY


def check_deleted(load):
    """Read back where the answer was lost: never failed because the first deletion had worked."""
    found, codes = outcomes(load, "bolt/delete")
    record = Record(load, "bolt/delete", "userdel")
    measured(f"check: {len(found)} rows, {dict(Counter(found.values()))} {dict(codes)}")
    assert len(found) == load.next["bolt/delete"], "a row has no result"
    assert set(codes) <= {"POISON"}, codes
    assert {record.applied(key) for key, said in found.items() if said == "succeeded"} <= {1}


def check_once(load, app, op, hits):
    """Nothing is done twice; done once is what succeeded; why each unknown one is unknown."""
    found, codes = outcomes(load, app)
    record = Record(load, app, op)
    why = Counter(
        why_unknown(record, key, hits) for key, said in found.items() if said == "unknown"
    )
    measured(
        f"once: {app} {len(found)} rows, {dict(Counter(found.values()))}, unknown: {dict(why)}"
    )
    assert len(found) == load.next[app], "a row has no result"
    assert set(codes) == set(), codes
    assert max((record.applied(key) for key in record.calls), default=0) <= 1, "done twice"
    assert {record.applied(key) for key, said in found.items() if said == "succeeded"} <= {1}
    assert set(found.values()) <= {"succeeded", "unknown"}, Counter(found.values())
    return why


def report(site):
    hits = site.tally.hits
    measured(
        f"{len(hits)} kills hit {sum(len(kill.leases) for kill in hits)} begun leases, with "
        f"{sum(kill.once for kill in hits)} items that may be called only once; "
        f"{site.tally.leashes} leashes, {len(site.tally.stores)} stores killed; "
        f"a hit lease ended at most {max(kill.ended_after for kill in hits):.1f} s later"
    )


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("seconds", "workers", "kills"),
    [(6, 3, 1), pytest.param(600, 8, 200, marks=pytest.mark.slow)],
)
def test_whatever_is_killed_and_whenever_the_record_agrees_with_the_results(
    site, seconds, workers, kills
):
    seconds = float(os.environ.get("CHAOS_SECONDS", seconds))
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
    measured(f"seed {seed}, {seconds:.0f} s: CHAOS_SEED={seed} gives the same choices")
    site.want(workers)
    load = Load(site, seconds, random.Random(seed + 2))

    storm(site, load, seed, seconds)
    site.want(workers)
    load.finish()
    until(lambda: ended(site), RESUMES_WITHIN + SLACK)

    hits = site.tally.hits
    report(site)
    check_safe(site, load)
    check_deleted(load)
    for app, op in ONCE.items():
        check_once(load, app, op, hits)
    assert max(kill.ended_after for kill in hits) <= RESUMES_WITHIN + SLACK
    assert len(hits) >= kills
