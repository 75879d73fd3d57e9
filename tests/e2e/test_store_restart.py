"""The store goes away in the middle of an import: the workers stay, and go on when it is back."""

import os
import signal
import time

import pytest

from tests.e2e.product import alive, measured, until
from tests.e2e.standing import second_worker

ROWS = 1_000
RESUMES_WITHIN = 15.0
SLACK = 60.0
"""Seconds more on a machine with other things to do."""


@pytest.fixture
def product(wounded):
    """A product with two workers."""
    with second_worker(wounded):
        yield wounded


def running_import(product):
    """An import that is a quarter of the way in."""
    words = ("--rate", "150/s", "--burst", "15", "--max-in-flight", "32")
    token, job = product.importing(product.stand_in, ROWS, words, part=4)
    return product.stand_in, product.main, token, job


def store_pid(product):
    return int((product.home / "store" / "server.pid").read_text())


def test_a_killed_store_is_started_again_and_the_same_workers_finish_the_import(product):
    sandbox, up, token, job = running_import(product)
    workers, store = product.workers(), store_pid(product)

    os.kill(store, signal.SIGKILL)
    killed = time.time()

    until(lambda: sandbox.calls(token).after(killed + 0.5), RESUMES_WITHIN + SLACK)
    record, _ = product.conserved(sandbox, token, job, ROWS)
    assert store_pid(product) != store
    until(lambda: product.workers() == workers)
    assert all(alive(worker) for worker in workers)
    assert up.poll() is None
    calls = sandbox.calls(token)
    gap, began = calls.longest_gap(killed - 0.2, calls.times[-1])
    measured(
        f"store killed: longest gap {gap:.2f} s from {began - killed:+.2f} s, "
        f"{record['requests'] - ROWS} calls repeated"
    )


def test_a_store_that_stands_still_for_three_seconds_costs_no_row_and_no_worker(product):
    sandbox, up, token, job = running_import(product)
    workers, store = product.workers(), store_pid(product)

    os.kill(store, signal.SIGSTOP)
    stopped = time.time()
    until(lambda: time.time() > stopped + 3)
    os.kill(store, signal.SIGCONT)

    until(lambda: sandbox.calls(token).after(stopped + 3), RESUMES_WITHIN + SLACK)
    record, _ = product.conserved(sandbox, token, job, ROWS)
    assert store_pid(product) == store
    until(lambda: product.workers() == workers)
    assert up.poll() is None
    calls = sandbox.calls(token)
    gap, began = calls.longest_gap(stopped - 0.2, calls.times[-1])
    measured(
        f"store stopped 3 s: longest gap {gap:.2f} s from {began - stopped:+.2f} s, "
        f"{record['requests'] - ROWS} calls repeated"
    )
