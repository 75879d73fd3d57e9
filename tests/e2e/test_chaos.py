"""`kill -9` over and over: worker, leash and store, at instants that a seed chooses."""

import os
import random
import signal

import psutil
import pytest

from tests.e2e.product import alive, measured, people, until

ROWS = 4_000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_killed_and_whenever_no_row_is_lost(product, seed):
    chance = random.Random(seed)
    sandbox = product.sandbox()
    up = product.up(workers=2, sandbox=False)
    limits = ("--rate", "200/s", "--burst", "20", "--max-in-flight", "16")
    token = product.app("acme/shop", sandbox, *limits)
    sandbox.faults({"fault": "latency", "median_ms": 20, "p99_ms": 300})
    job = product.submit(people(product.home / "p.csv", ROWS), "acme/shop")
    killed = []
    while (made := sandbox.count(token)) < ROWS * 0.9:
        victim = chance.choice(("worker", "worker", "leash", "store"))
        enough = min(made + chance.randint(100, 600), ROWS * 0.9)
        until(lambda enough=enough: sandbox.count(token) >= enough, 60)
        kill(product, victim, chance)
        killed.append(victim)

    done = product.wait(job, 120)

    assert done.code == 0, done
    record = sandbox.received(token)
    assert done.json["counts"]["succeeded"] == record["distinct_keys"] == ROWS
    assert up.poll() is None
    repeated = record["requests"] - ROWS
    measured(f"killed {' '.join(killed)}: {repeated} of {ROWS} calls repeated, no row lost")


def kill(product, victim, chance):
    if victim == "store":
        os.kill(int((product.home / "store" / "server.pid").read_text()), signal.SIGKILL)
        return
    worker = psutil.Process(chance.choice(until(lambda: [*filter(alive, product.workers())])))
    (worker if victim == "worker" else worker.parent()).kill()
