"""`kill -9` of the only worker in the middle of an import."""

import os
import signal
import time

import pytest

from tests.e2e.product import measured, until

RESUMES_WITHIN = 15.0
"""Seconds: the product's promise."""
SLACK = 60.0
"""Seconds more on a machine with other things to do."""
ON_THE_WIRE = 0.5
"""Seconds in which calls that a killed worker had sent may still arrive."""


@pytest.mark.parametrize("rows", [1_500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_killed_workers_rows_are_taken_up_by_the_next_and_none_is_lost(wounded, rows):
    product, sandbox = wounded, wounded.stand_in
    words = ("--rate", "300/s", "--burst", "30", "--max-in-flight", "32")
    [worker] = product.workers()
    token, job = product.importing(sandbox, rows, words, part=3)

    os.kill(worker, signal.SIGKILL)
    killed, before = time.time(), product.job(job)["counts"]

    until(lambda: sandbox.calls(token).after(killed + ON_THE_WIRE), RESUMES_WITHIN + SLACK)
    record, _ = product.conserved(sandbox, token, job, rows)
    calls = sandbox.calls(token)
    assert product.main.poll() is None
    gap, began = calls.longest_gap(killed - 1, calls.times[-1])
    measured(
        f"{rows} rows, worker killed with {before}: "
        f"longest gap {gap:.2f} s, from {began - killed:+.2f} s; {record['requests']} calls, "
        f"{record['requests'] - rows} repeated, none applied more than "
        f"{record['max_applied_per_key']} times"
    )
