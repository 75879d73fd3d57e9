"""A job's counts are those of its DEBUG lines, however it went, and every line keeps the contract.

A ten-line script counts them.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.e2e.product import measured, until
from tests.e2e.typed import typed
from worker.events import EVENTS

SCRIPT = Path(__file__).parents[2] / "tools" / "count_items.py"
ROWS, BAD = 300, 3
RULES = (
    {"fault": "error5xx", "every": 7},
    {"fault": "drop_after_commit", "every": 11},
    {"fault": "throttle", "retry_after": 1, "after": 60, "times": 2},
    {"fault": "word", "error": "ODDWORD", "key": "log5@example.com"},
    {"fault": "latency", "ms": 20},
)
FINAL = ("succeeded", "skipped", "failed", "unknown")
GENTLE = (
    {"fault": "error5xx", "every": 7},
    {"fault": "drop_after_commit", "every": 11},
    {"fault": "word", "error": "ODDWORD", "key": "log5@example.com"},
    {"fault": "latency", "ms": 5},
)


def rebuilt(up, job):
    """The counts that the script finds; every member is there."""
    with up.log.open() as lines:
        done = subprocess.run(
            [sys.executable, SCRIPT, job], stdin=lines, capture_output=True, text=True, check=True
        )
    return dict.fromkeys(("succeeded", "skipped", "failed", "unknown"), 0) | json.loads(done.stdout)


def told(product, job):
    """The same counts by the job document."""
    counts = product.job(job)["counts"]
    return {name: counts[name] for name in ("succeeded", "skipped", "failed", "unknown")}


@pytest.fixture(scope="module")
def up(product_of_module):
    """`up --sandbox` whose log has every line."""
    product_of_module.environment["BULKHEAD_LOG_LEVEL"] = "DEBUG"
    return product_of_module.up(workers=2)


@pytest.fixture
def product(up, product_of_module):
    return product_of_module


def importing(product, name, rate):
    sandbox = product.sandbox()
    token = product.app(name, sandbox, "--rate", rate)
    sandbox.faults(*RULES)
    text = (
        "address\n"
        + "".join(f"log{n}@example.com\n" for n in range(ROWS))
        + "".join(f"a\x01b{n}\n" for n in range(BAD))
    )
    words = ("users", "import", "-", "--app", name, "-o", "json")
    return sandbox, token, typed(product, *words, stdin=text).json["id"]


def test_the_counts_of_a_job_are_the_sum_of_its_debug_lines(product, up):
    url = f"{up.sandbox}/_sandbox/faults"
    requests.post(url, json=list(GENTLE), timeout=60).raise_for_status()
    text = "address\n" + "".join(f"log{n}@example.com\n" for n in range(150)) + "a\x01b\n"
    words = ("users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json")

    job = typed(product, *words, stdin=text).json
    until(lambda: '"job_finished"' in up.log.read_text())
    lines = [json.loads(line) for line in up.log.read_text().splitlines() if line.startswith("{")]

    items = [
        line for line in lines if line["event"] == "item_finished" and line["job"] == job["id"]
    ]
    ended = Counter(line["outcome"] for line in items if line["outcome"] in FINAL)
    assert job["attempts"]["retries"] > 0
    refused_unsent = 1
    assert ended["failed"] == job["counts"]["failed"] == 2
    assert ended["succeeded"] == job["counts"]["succeeded"] == 149
    assert len(items) == job["attempts"]["calls"] + refused_unsent
    assert len({line["item"] for line in items}) == 151
    assert {line["event"] for line in lines} <= set(EVENTS)
    assert all(
        {"timestamp", "level", "event", "tenant", "app", "job"} <= set(line) for line in lines
    )


def test_what_up_says_for_a_person_is_all_that_is_not_a_log_line(up):
    other = [line for line in up.log.read_text().splitlines() if line and line[0] != "{"]

    assert other[0].startswith("Bulkhead is up.")
    assert len(other) <= 6


def test_the_counts_of_a_job_that_went_badly_are_those_of_its_log(product, up):
    _, _, job = importing(product, "acme/bad", "500/s")

    done = product.wait(job)

    assert done.code == 3, done
    assert done.json["attempts"]["retries"] > 0
    found = rebuilt(up, job)
    assert found == told(product, job)
    measured(f"from the log: {found}")


def test_the_counts_of_a_cancelled_job_are_those_of_its_log(product, up):
    sandbox, token, job = importing(product, "acme/ended", "30/s")
    until(lambda: sandbox.count(token) > ROWS // 10)

    assert product.typed("jobs", "cancel", job).code == 0

    until(lambda: product.job(job)["counts"]["in_flight"] == 0)
    found = rebuilt(up, job)
    assert found == told(product, job)
    assert 0 < found["succeeded"] < ROWS
    measured(f"cancelled; from the log: {found}")
