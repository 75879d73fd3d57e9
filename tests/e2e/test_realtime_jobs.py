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
