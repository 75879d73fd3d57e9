"""The scenarios of the benchmarks, shortened: what must hold however busy the machine is."""

import pytest

from benchmarks.scenarios.__main__ import SCENARIOS, play
from benchmarks.scenarios.site import rows_of
from bulkhead.client import Bulkhead
from bulkhead.engine.embedded import find
from tests.e2e.product import measured, until

BEARABLE = 50
NEW = "f" * 47 + "0"


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


@pytest.fixture
def client(product, sandbox):
    """Orders jobs from here: no command has to start, however busy the machine is."""
    with Bulkhead(find(product.home)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_played_short_keeps_every_promise_that_is_not_about_time(name):
    figures = play(name, short=True)

    for one in figures:
        measured(f"{one.what}: {one.measured} [{one.wanted}]")
    assert [one for one in figures if one.met is False and not one.timed] == []


def test_small_imports_end_while_a_large_one_of_the_same_app_has_hardly_begun(
    product, sandbox, client
):
    rows = 50_000
    token = product.app("big/shop", sandbox, "--rate", "200/s", "--max-in-flight", "16")
    product.app("small/shop", sandbox)
    large = client.import_users(rows_of("large", rows), app="big/shop")
    until(lambda: sandbox.count(token) > 20)

    apps = ["big/shop", "small/shop"] * 2
    small = [client.import_users(rows_of(f"s{n}", 3), app=app) for n, app in enumerate(apps)]
    ended = [job.wait(timeout=120) for job in small]
    large.refresh()

    assert [(job.state, job.counts.succeeded) for job in ended] == [("completed", 3)] * 4
    assert large.state == "running"
    assert large.counts.pending > rows / 2
    large.cancel()
    assert product.job(large.id)["counts"]["cancelled"] > rows / 2


def test_a_backend_that_bears_less_than_the_set_rate_costs_no_attempt_and_no_row(
    product, sandbox, client
):
    rows = BEARABLE * 8
    token = product.app("acme/shop", sandbox, "--rate", "200/s", "--max-in-flight", "16")
    sandbox.register(token, rate=BEARABLE)

    job = client.import_users(rows_of("p", rows), app="acme/shop").wait(timeout=300)

    record = sandbox.received(token)
    throttled = record["by_outcome"].get("throttled", 0)
    measured(f"{throttled} of {record['requests']} answers were 429")
    assert (job.state, job.counts.succeeded) == ("completed", rows)
    assert record["distinct_keys"] == record["committed"] == rows
    assert 0 < throttled < rows
    assert job.to_dict()["attempts"]["retries"] == 0
    assert {row.attempts for row in job.results()} == {1}


def test_a_disabled_app_stops_alone_says_so_everywhere_and_ends_with_a_new_token(
    product, sandbox, client
):
    rows, limits = 500, ("--rate", "50/s", "--burst", "10", "--max-in-flight", "4")
    names = ["acme/shop", "acme/other", "else/shop"]
    token, *others = [product.app(name, sandbox, *limits) for name in names]
    job, *fine = [client.import_users(rows_of(f"p{n}", rows), app=n) for n in names]
    until(lambda: all(sandbox.count(one) > 20 for one in (token, *others)))

    sandbox.strangers(token)

    until(lambda: job.refresh().state == "paused")
    assert job.to_dict()["paused"]["by"] == "auth_failure"
    shown = product.typed("apps", "show", "acme/shop", "-o", "json").json
    assert (shown["state"], shown["code"]) == ("stopped", "TOKEN_BREACH")
    held = product.typed("status", "-o", "json").json["apps_held_up"]
    assert [(one["app"], one["code"]) for one in held] == [("acme/shop", "TOKEN_BREACH")]
    assert [one.wait(timeout=300).counts.succeeded for one in fine] == [rows, rows]
    assert {sandbox.received(one)["distinct_keys"] for one in others} == {rows}
    refused = sandbox.received(token, op="useradd")["by_outcome"]["TOKENBREACH"]
    assert 0 < refused <= 4
    sandbox.register(NEW)
    change = product.typed("apps", "rotate-token", "acme/shop", "--token-file", "-", stdin=NEW)
    assert change.code == 0, change
    assert job.wait(timeout=300).counts.succeeded == rows
    both = [sandbox.received(one, op="useradd") for one in (token, NEW)]
    assert sum(one["distinct_keys"] for one in both) == rows
    assert {row.attempts for row in job.results()} == {1}
