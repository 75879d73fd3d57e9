"""A ten-line script rebuilds a job's counts from its DEBUG log, however the job went and ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.product import measured, until
from tests.e2e.typed import typed

SCRIPT = Path(__file__).parents[2] / "tools" / "count_items.py"
ROWS, BAD = 300, 3
RULES = (
    {"fault": "error5xx", "every": 7},
    {"fault": "drop_after_commit", "every": 11},
    {"fault": "throttle", "retry_after": 1, "after": 60, "times": 2},
    {"fault": "word", "error": "ODDWORD", "key": "log5@example.com"},
    {"fault": "latency", "ms": 20},
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
    """A product whose log has every line."""
    product_of_module.environment["BULKHEAD_LOG_LEVEL"] = "DEBUG"
    return product_of_module.up(workers=2, sandbox=False)


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
