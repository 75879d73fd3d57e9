"""Jobs that have user tokens issued for senders: one at a time, and a new one after a failure."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.sessions import SenderId
from worker.sign_in import SignIns

NEWS = SenderId("acme/shop", "news@acme")


@pytest.fixture
def sign_ins(world):
    """What each worker makes for itself."""
    world.app()

    def make():
        return SignIns(world.scripts, Box("k" * 32), world.wall)

    return make


def test_who_goes_on_where_a_keeper_died_waits_for_the_same_job(sign_ins):
    assert sign_ins().begin(NEWS, "") == sign_ins().begin(NEWS, "")


def test_what_failed_an_hour_ago_is_not_what_a_new_keeper_hears(world, sign_ins):
    failed = sign_ins().begin(NEWS, "")
    world.jobs.control(failed, "cancel")
    world.advance(3600)
    keeper = sign_ins()

    job = keeper.begin(NEWS, "")

    assert keeper.look(job) is None
    assert "cancelled" in keeper.look(failed)


def test_a_failure_is_followed_by_another_job_at_once(world, sign_ins):
    keeper = sign_ins()
    failed = keeper.begin(NEWS, "")
    world.jobs.control(failed, "cancel")

    assert keeper.begin(NEWS, failed) != failed
