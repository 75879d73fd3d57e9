"""SIGTERM and `kill -9` of the processes of `bulkhead up` in the middle of an import."""

import contextlib
import os
import re
import signal
import time

import psutil
import requests

from tests.e2e.product import alive, family, free_port, measured, people, until

ROWS = 1_000
LIMITS = ("--rate", "200/s", "--burst", "20", "--max-in-flight", "32")
ENDS_WITHIN = 10.0
SLACK = 60.0
"""Seconds more on a machine with other things to do."""


def test_sigterm_ends_up_with_exit_0_and_the_next_up_finishes_the_job(product):
    sandbox = product.sandbox()
    up = product.up(sandbox=False)
    token, job = product.importing(sandbox, ROWS, LIMITS)
    started = family(up)

    up.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    code = up.wait(ENDS_WITHIN + SLACK)
    took = time.monotonic() - asked

    assert code == 0, up.log.read_text()
    assert not [pid for pid in started if alive(pid)]
    made = sandbox.count(token)
    product.up(workers=1, sandbox=False)
    assert product.job(job)["counts"]["in_flight"] <= 64
    record, _ = product.conserved(sandbox, token, job, ROWS)
    measured(
        f"up ended {took:.2f} s after SIGTERM with {made} calls made; "
        f"{record['requests'] - ROWS} calls repeated"
    )


def test_sigterm_at_one_worker_hands_its_items_to_the_other_at_once(wounded):
    product, sandbox = wounded, wounded.stand_in
    other = product.start("worker")
    until(lambda: len(product.workers()) == 2)
    token, job = product.importing(sandbox, ROWS, LIMITS)

    other.send_signal(signal.SIGTERM)
    asked, at = time.monotonic(), time.time()
    code = other.wait(ENDS_WITHIN + SLACK)
    took = time.monotonic() - asked

    assert code == 0, other.log.read_text()
    record, document = product.conserved(sandbox, token, job, ROWS)
    calls = sandbox.calls(token)
    assert record["requests"] == ROWS
    assert document["attempts"] == {"calls": ROWS, "retries": 0}
    gap, began = calls.longest_gap(at, calls.times[-1])
    measured(
        f"worker ended {took:.2f} s after SIGTERM; longest gap {gap:.2f} s, "
        f"{began - at:+.2f} s after it; no call repeated"
    )


def test_a_worker_whose_calls_hang_still_ends_in_time_and_its_rows_run_again(wounded):
    product, sandbox = wounded, wounded.stand_in
    [first] = product.workers()
    token = product.app("acme/shop", sandbox, "--rate", "50/s", "--max-in-flight", "4")
    sandbox.faults({"fault": "hang", "s": 300, "after": 10, "times": 4})
    job = product.submit(people(product.home / "p.csv", 60), "acme/shop")
    until(lambda: sandbox.count(token) >= 14)

    os.kill(first, signal.SIGTERM)
    asked = time.monotonic()
    until(lambda: not alive(first), ENDS_WITHIN + SLACK)
    took = time.monotonic() - asked

    record, _ = product.conserved(sandbox, token, job, 60)
    assert record["max_applied_per_key"] == 1
    measured(
        f"worker with 4 hanging calls ended {took:.2f} s after SIGTERM; "
        f"{record['requests']} calls for 60 rows"
    )


def test_kill_9_of_up_leaves_no_process_behind_and_the_next_up_goes_on(product):
    sandbox = product.sandbox()
    up = product.up()
    token, job = product.importing(sandbox, ROWS, LIMITS)
    started = family(up)
    assert len(started) >= 10, "keeper, store, and a leash and a process for each of four parts"

    up.kill()
    up.wait()
    killed = time.monotonic()
    until(lambda: not [pid for pid in started if alive(pid)], 15 + SLACK)
    took = time.monotonic() - killed

    product.up(workers=1, sandbox=False)
    record, _ = product.conserved(sandbox, token, job, ROWS)
    measured(
        f"all {len(started)} processes ended {took:.2f} s after kill -9 of up; "
        f"{record['requests'] - ROWS} calls repeated"
    )


def test_a_worker_whose_leash_was_killed_ends_and_another_takes_its_place(wounded):
    product, sandbox = wounded, wounded.stand_in
    [worker] = product.workers()
    token = product.app("acme/shop", sandbox, *LIMITS)
    job = product.submit(people(product.home / "p.csv", ROWS // 2), "acme/shop")
    until(lambda: sandbox.count(token) >= ROWS // 8)

    psutil.Process(worker).parent().kill()

    until(lambda: not alive(worker), ENDS_WITHIN + SLACK)
    done = product.wait(job)
    assert done.code == 0, done
    record = sandbox.received(token)
    assert done.json["counts"]["succeeded"] == record["distinct_keys"] == ROWS // 2
    until(lambda: len(product.workers()) == 1)
    assert product.main.poll() is None
    measured(f"{record['requests'] - ROWS // 2} calls repeated after the leash was killed")


def test_a_sandbox_that_was_killed_is_started_again_and_knows_its_app(product):
    up = product.up(workers=1)
    job = product.submit(people(product.home / "p.csv", ROWS // 2), "demo/shop")
    until(lambda: product.job(job)["counts"]["succeeded"] >= 100)
    [sandbox] = [
        process
        for process in psutil.Process(up.pid).children(recursive=True)
        if process.cmdline()[1:4] == ["-u", "-m", "sandbox"]
    ]

    sandbox.kill()

    done = product.wait(job)
    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == ROWS // 2
    measured(f"{done.json['attempts']['retries']} calls had to be tried again")


def test_a_port_that_the_system_chose_is_the_one_that_up_names(product):
    up = product.start("up", "--workers", "1", "--port", "0")
    until(lambda: "Ctrl-C" in up.log.read_text())

    address = re.search(r"http://127\.0\.0\.1:\d+/healthz", up.log.read_text()).group()
    until(lambda: reachable(address))

    assert requests.get(address, timeout=30).ok


def reachable(address):
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(address, timeout=30).ok
    return False


def test_sigterm_while_up_is_starting_ends_all_of_it(product):
    up = product.start("up", "--port", str(free_port()))
    until(lambda: "store_started" in up.log.read_text())
    until(lambda: len(family(up)) >= 4)
    started = family(up)

    up.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    code = up.wait(ENDS_WITHIN + SLACK)

    assert code == 0, up.log.read_text()
    assert not [pid for pid in started if alive(pid)]
    measured(f"ended {time.monotonic() - asked:.2f} s after SIGTERM")
