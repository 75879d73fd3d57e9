"""A job's counts can be rebuilt from its DEBUG lines, and every line keeps the log's contract."""

import json
from collections import Counter

import pytest
import requests

from tests.e2e.product import until
from tests.e2e.typed import typed
from worker.events import EVENTS

FINAL = ("succeeded", "skipped", "failed", "unknown")
RULES = (
    {"fault": "error5xx", "every": 7},
    {"fault": "drop_after_commit", "every": 11},
    {"fault": "word", "error": "ODDWORD", "key": "log5@example.com"},
    {"fault": "latency", "ms": 5},
)


@pytest.fixture(scope="module")
def up(product_of_module):
    """`up --sandbox` whose log has every line."""
    product_of_module.environment["BULKHEAD_LOG_LEVEL"] = "DEBUG"
    return product_of_module.up(workers=1)


def test_the_counts_of_a_job_are_the_sum_of_its_debug_lines(product_of_module, up):
    url = f"{up.sandbox}/_sandbox/faults"
    requests.post(url, json=list(RULES), timeout=60).raise_for_status()
    text = "address\n" + "".join(f"log{n}@example.com\n" for n in range(150)) + "a\x01b\n"
    words = ("users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json")

    job = typed(product_of_module, *words, stdin=text).json
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
