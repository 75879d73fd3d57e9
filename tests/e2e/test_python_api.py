"""The Python API with the real product: workers run what a program ordered."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from bulkhead.client import Bulkhead
from bulkhead.errors import Conflict, JobStillRunning
from tests.e2e.product import received

ROOT = Path(__file__).resolve().parents[2]
ROWS = 10_000


@pytest.fixture
def bulkhead(site):
    requests.post(f"{site.sandbox}/_sandbox/reset", timeout=10)
    with Bulkhead.from_env(site.environment | {"BULKHEAD_TENANT": "demo"}) as made:
        yield made


def set_faults(site, *rules):
    answer = requests.post(f"{site.sandbox}/_sandbox/faults", json=list(rules), timeout=10)
    answer.raise_for_status()


def people(rows, name="api"):
    return ({"address": f"{name}{n}@example.com", "name": f"Person {n}"} for n in range(rows))


def test_ten_thousand_rows_from_a_generator_arrive_with_progress_and_results(site, bulkhead):
    seen = []

    job = bulkhead.import_users(people(ROWS), app="shop", idempotency_key="onboard-42")
    job = job.wait(timeout=100, progress=lambda now: seen.append(now.counts))

    assert (job.state, job.counts.succeeded) == ("completed", ROWS)
    assert received(site.sandbox)["distinct_keys"] == ROWS
    assert len(seen) > 2
    assert seen[-1] == job.counts
    assert all(one.settled + one.pending + one.in_flight == ROWS for one in seen)
    assert {row.line for row in job.results(outcome="succeeded")} == set(range(1, ROWS + 1))
    assert list(job.errors()) == []


def test_the_same_order_is_the_same_job_and_other_rows_under_its_key_a_conflict(bulkhead):
    first = bulkhead.import_users(people(20, "idem"), app="shop", idempotency_key="k1")

    again = bulkhead.import_users(people(20, "idem"), app="shop", idempotency_key="k1")
    with pytest.raises(Conflict):
        bulkhead.import_users(people(21, "idem"), app="shop", idempotency_key="k1")

    assert again.id == first.id
    assert first.wait(timeout=60).counts.succeeded == 20


def test_rows_that_were_refused_are_retried_and_no_other(site, bulkhead):
    refused = [f"retry{n}@example.com" for n in (3, 7)]
    set_faults(site, *({"fault": "word", "error": "BADUSER", "key": key} for key in refused))
    job = bulkhead.import_users(people(10, "retry"), app="shop").wait(timeout=60)
    assert sorted(row.key["address"] for row in job.errors()) == refused
    set_faults(site)

    again = job.retry().wait(timeout=60)

    assert (again.document.parent, again.counts.total, again.counts.succeeded) == (job.id, 2, 2)
    assert {row.line for row in again.results()} == {4, 8}
    assert received(site.sandbox)["max_applied_per_key"] == 1


def test_a_job_can_be_held_released_and_ended(site, bulkhead):
    set_faults(site, {"fault": "latency", "ms": 200})
    job = bulkhead.import_users(people(400, "held"), app="shop")
    with pytest.raises(JobStillRunning):
        job.wait(timeout=0.5)

    assert job.pause().state == "paused"
    assert job.resume().state in ("queued", "running")
    assert job.cancel("enough").wait(timeout=30).state == "cancelled"
    set_faults(site)
    counts = job.refresh().counts
    assert counts.settled + counts.in_flight == 400
    assert counts.cancelled > 0


def test_a_raw_call_has_a_job_and_a_result(site, bulkhead):
    done = bulkhead.call("useradd", app="shop", user={"address": "ann@example.com"}).wait(60)
    wrong = bulkhead.call("nosuchop", app="shop").wait(60)

    [result] = done.results()
    assert (done.state, result.upstream["op"], result.upstream["http_status"]) == (
        *("completed", "useradd", 200),
    )
    [refused] = wrong.results()
    assert (wrong.state, refused.code) == ("completed_with_errors", "BADOP")
    assert received(site.sandbox)["by_op"]["useradd"] == 1


def test_the_example_imports_and_says_what_failed(site):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/onboarding_import.py")],
        env=site.environment,
        cwd=site.home,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "completed_with_errors: 1,000 succeeded, 1 failed" in done.stdout
    assert "row 1001: ADDRESS_HAS_COMMA" in done.stdout


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_an_example_fits_on_a_page_and_is_linked_from_the_readme(example):
    assert len(example.read_text("utf-8").splitlines()) <= 30
    assert f"(examples/{example.name})" in (ROOT / "README.md").read_text("utf-8")
