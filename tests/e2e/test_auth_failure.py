"""A token that is not accepted stops its own app; a throttled app only waits."""

import pytest

from tests.e2e.product import measured, people, until

ROWS = 300
LIMITS = ("--rate", "200/s", "--burst", "10", "--max-in-flight", "4")


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


@pytest.mark.parametrize("word", ["AUTHFAIL", "TOKENBREACH"])
def test_an_app_whose_token_fails_stops_alone_and_goes_on_with_a_new_token(product, sandbox, word):
    bad = product.app("acme/shop", sandbox, *LIMITS)
    good = product.app("other/store", sandbox, *LIMITS)
    file = people(product.home / "p.csv", ROWS)
    sandbox.faults({"fault": "word", "error": word, "token": bad, "after": 100})

    stopped, fine = product.submit(file, "acme/shop"), product.submit(file, "other/store")

    assert product.wait(fine).code == 0
    done = product.wait(stopped)
    assert done.code == 10, done
    counts = done.json["counts"]
    assert done.json["state"] == "paused"
    assert done.json["paused"]["by"] == "auth_failure"
    assert (counts["succeeded"], counts["failed"], counts["unknown"]) == (100, 0, 0)
    wasted = sandbox.count(bad) - 100
    measured(f"{word}: {wasted} calls were refused before the app stopped")
    assert sandbox.received(good)["distinct_keys"] == ROWS
    assert product.typed("jobs", "resume", stopped).code == 7
    if word == "AUTHFAIL":
        new = "f" * 47 + "0"
        sandbox.register(new)
        change = product.typed("apps", "set", "acme/shop", "--token-file", "-", stdin=new)
    else:
        new = bad
        sandbox.faults()
        change = product.typed("apps", "resume", "acme/shop")
    assert change.code == 0, change
    after = product.wait(stopped)
    assert after.code == 0, after
    assert after.json["counts"]["succeeded"] == ROWS
    rest = sandbox.received(new)["distinct_keys"]
    assert rest == (ROWS if new == bad else ROWS - 100)
    with_no_attempt_used = {row["attempts"] for row in results(product, stopped)}
    assert with_no_attempt_used == {1}


def test_a_throttled_app_cools_uses_no_attempt_and_fails_no_row(product, sandbox):
    token = product.app("acme/shop", sandbox, *LIMITS)
    sandbox.faults({"fault": "throttle", "retry_after": 2, "after": 100, "times": 6})

    job = product.submit(people(product.home / "p.csv", ROWS), "acme/shop")

    until(lambda: product.job(job)["pace"]["limited_by"] == "upstream_throttle")
    done = product.wait(job)
    assert done.code == 0, done
    counts, record = done.json["counts"], sandbox.received(token)
    assert counts["succeeded"] == record["distinct_keys"] == ROWS
    assert record["by_outcome"]["throttled"] == 6
    assert done.json["attempts"]["retries"] == 0
    assert {row["attempts"] for row in results(product, job)} == {1}
    calls = sandbox.calls(token)
    gap, _ = calls.longest_gap(calls.times[0], calls.times[-1])
    measured(f"6 of 429 with Retry-After 2: longest gap {gap:.2f} s, no row failed")


def results(product, job):
    return product.typed("jobs", "results", job, "-o", "json").json
