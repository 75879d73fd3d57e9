"""What else may happen to a store and to a worker in the middle of an import, one at a time."""

import os
import signal
import time

import pytest

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import find
from tests.e2e.product import free_port, measured, people, until
from tests.fakes.pair import Forwarder, Pair

ROWS = 900
LIMITS = ("--rate", "180/s", "--burst", "18", "--max-in-flight", "32")


def forget_scripts(redis):
    redis.script_flush()


def forget_celery(redis):
    """Every key that is not ours: queues, bindings, whatever kombu keeps."""
    theirs = [key for key in redis.scan_iter() if not key.startswith(b"{bulkhead}")]
    if theirs:
        redis.delete(*theirs)
    return len(theirs)


@pytest.mark.parametrize("forget", [forget_scripts, forget_celery])
def test_what_the_store_forgets_in_the_middle_of_an_import_costs_no_row(wounded, forget):
    product, sandbox = wounded, wounded.stand_in
    token, job = product.importing(sandbox, ROWS, LIMITS, part=10)

    with connect(find(product.home)) as redis:
        for part in (0.2, 0.4, 0.6, 0.8):
            until(lambda part=part: sandbox.count(token) >= ROWS * part, 60)
            forget(redis)

    record, _ = product.conserved(sandbox, token, job, ROWS)
    assert product.main.poll() is None
    measured(f"{forget.__name__}: {record['requests'] - ROWS} calls repeated")


@pytest.mark.parametrize(
    ("seconds", "rows"), [(4, 2_000), pytest.param(60, 16_000, marks=pytest.mark.slow)]
)
def test_a_worker_that_was_stopped_makes_no_call_for_what_it_lost(product, seconds, rows):
    sandbox = product.sandbox()
    product.up(workers=2, sandbox=False)
    token, job = product.importing(sandbox, rows, ("--rate", "200/s", "--burst", "20"), part=10)
    stopped = product.workers()[0]

    os.kill(stopped, signal.SIGSTOP)
    over = time.monotonic() + seconds
    until(lambda: time.monotonic() > over, seconds + 60)
    woken = time.time()
    os.kill(stopped, signal.SIGCONT)

    record, _ = product.conserved(sandbox, token, job, rows)
    calls = sandbox.calls(token)
    before = {one["key"] for one in calls.entries if one["t"] < woken}
    again = [one for one in calls.entries if one["t"] >= woken and one["key"] in before]
    assert again == [], "a call for an item that somebody else had done meanwhile"
    assert calls.excess(200, 20) <= 0
    measured(f"stopped for {seconds} s: {record['requests'] - rows} of {rows} calls repeated")


@pytest.fixture
def pair(product):
    """A store and its replica, and a port that leads to the one of them that is in charge."""
    made = Pair(product.home, [free_port(), free_port()], until)
    with Forwarder(made.first.port) as forwarder:
        made.address = forwarder
        product.environment |= {
            "BULKHEAD_REDIS_URL": f"redis://127.0.0.1:{forwarder.port}/0",
            "BULKHEAD_SECRET_KEY": "k" * 40,
        }
        yield made
        product.end()
        product.processes.clear()
    made.end()


def test_a_fail_over_to_the_replica_in_the_middle_of_an_import_loses_no_row(product, pair):
    sandbox = product.sandbox()
    workers = [product.start("worker", log=f"worker{n}") for n in range(2)]
    token = product.app("acme/shop", sandbox, *LIMITS)
    job = product.submit(people(product.home / "p.csv", ROWS), "acme/shop")
    until(lambda: sandbox.count(token) >= ROWS // 4)

    pair.first.signal(signal.SIGKILL)
    killed = time.time()
    pair.promote()
    pair.address.switch(pair.second.port)

    done = product.wait(job, 200)
    record = sandbox.received(token)
    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == record["distinct_keys"] == ROWS
    assert all(worker.poll() is None for worker in workers), "the same workers went on"
    gap, began = sandbox.calls(token).longest_gap(killed - 0.2, sandbox.calls(token).times[-1])
    measured(
        f"fail-over: longest gap {gap:.2f} s from {began - killed:+.2f} s, "
        f"{record['requests'] - ROWS} calls repeated"
    )
