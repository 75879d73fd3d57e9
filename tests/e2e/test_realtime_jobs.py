"""Jobs that go out by a sender's own session, with real workers and the sandbox's stand-in."""

import pytest

from tests.e2e.broadcast_rig import SENDER
from tests.e2e.realtime_rig import Realtime


@pytest.fixture
def app(product):
    """An app whose product has one worker."""
    sandbox = product.sandbox()
    Realtime.prepare(product, sandbox)
    product.up(workers=1, sandbox=False)
    return Realtime(product, sandbox, people=["ann@example.com"])


def test_a_message_goes_out_by_the_senders_session(app):
    job = app.send(people=["ann@example.com"])

    done = app.product.wait(job, timeout=60)

    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == 1
    [(outcome, _, mid)] = app.outcomes(job).values()
    known = app.at(keys=1)
    assert outcome == "succeeded"
    assert known["messages"] == known["distinct"] == 1
    assert known["by_mid"][0]["mid"] == mid
    assert app.session(SENDER).online


def test_a_session_that_is_killed_in_the_middle_costs_no_message_and_doubles_none(app):
    gids = app.groups(200)
    job = app.send(gids=gids * 10)
    until(lambda: app.counts(job)["succeeded"] >= 400)

    app.kill_session()

    done = app.product.wait(job, timeout=300)
    counts, known, outcomes = done.json["counts"], app.at(keys=1), app.outcomes(job)
    accepted = {one["mid"] for one in known["by_mid"] if one["accepted"]}
    confirmed = {mid for outcome, _, mid in outcomes.values() if outcome == "succeeded"}
    assert counts["succeeded"] + counts["unknown"] == 2_000
    assert known["most_per_mid"] == 1
    assert len(confirmed) == counts["succeeded"]
    assert confirmed <= accepted
    assert known["messages"] <= 2_000
    assert known["logins"] == 2
