"""Begin: the last question before the first call, and what its answer promises."""

import pytest

from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun, Held, Tries
from tests.fakes.engine import SENT, report


def test_begin_sent_twice_answers_the_same_and_counts_once(world):
    world.app()
    job = world.submit(5)
    (part,) = world.claim()

    first, again = world.begin(part), world.begin(part)

    assert first == again
    assert world.counts(job).in_flight == 5
    assert world.state(job) == "running"
    world.audit(job)


def test_the_time_left_for_calls_ends_two_seconds_after_the_claim(world):
    world.app()
    world.submit(5)
    (part,) = world.claim()
    world.advance(0.5)

    begun = world.begin(part)

    assert begun.left == 1_500_000
    assert begun.since_claim == 500_000


def test_a_lease_of_two_seconds_is_refused_and_costs_nothing(world):
    world.app()
    job = world.submit(5)
    (part,) = world.claim()
    world.advance(2)

    assert world.begin(part) == Held("expired")

    assert world.begin(part) == Held("gone")
    assert world.app_now()["permits_returned"] == "5"
    assert sorted(index for _, index in world.run_all()) == [0, 1, 2, 3, 4]
    world.audit(job)


def test_another_worker_cannot_begin_a_lease(world):
    world.app()
    world.submit(5)
    (part,) = world.claim("w1")

    assert world.begin(part, "w2") == Held("gone")
    assert isinstance(world.begin(part, "w1"), Begun)


HOLDS = {
    "paused job": lambda world, job: world.jobs.control(job, "pause"),
    "cancelled job": lambda world, job: world.jobs.control(job, "cancel"),
    "paused app": lambda world, job: world.fleet.control("app", "acme/shop", "pause"),
    "paused tenant": lambda world, job: world.fleet.control("tenant", "acme", "pause"),
}


@pytest.mark.parametrize("what", HOLDS)
def test_what_was_granted_before_a_pause_or_cancel_is_not_begun_after_it(world, what):
    world.app()
    job = world.submit(5)
    (part,) = world.claim()

    HOLDS[what](world, job)

    assert world.begin(part) == Held("held")
    assert world.app_now()["held"] == "0"
    assert world.app_now()["permits_returned"] == "5"
    assert world.claim() == []
    world.audit(job)


def test_a_slice_of_an_app_whose_token_was_refused_is_not_begun(world):
    world.app()
    world.submit(100)
    first, second = world.claim(items=5), world.claim(items=5)
    world.begin(first[0])
    world.settle(report(first[0], again=list(range(5)), stop=("AUTHFAIL", "bad token")))

    assert world.begin(second[0]) == Held("held")


def test_only_items_that_may_not_be_repeated_are_marked_as_sent(world):
    world.app()
    safe, once = world.submit(3), world.submit(3, repeat="once")

    for part in world.claim():
        world.begin(part)

    assert SENT not in world.map_of(safe)
    assert world.map_of(once) == [SENT] * 3


def test_a_slice_of_calls_that_may_not_be_repeated_is_one_window_of_calls_at_once(world):
    world.app()
    world.submit(100, repeat="once")

    for part in world.claim():
        assert len(list(indexes(part.ranges))) <= part.parallel


def test_begin_tells_how_often_an_item_was_tried(world):
    world.app()
    world.submit(2)
    part = world.begun()
    world.settle(report(part, retries=[(0, 0, 3, 1234, ""), (1, 0, 1, 99, "")]))

    (part,) = world.claim()

    assert world.begin(part).tries == {0: Tries(3, 1234), 1: Tries(1, 99)}


def test_begin_tells_the_version_of_the_settings_to_call_with(world):
    world.app()
    world.submit(100)
    before = world.begin(world.claim(items=1)[0]).app_version
    world.fleet.set_app("acme/shop", world.fleet.app("acme/shop").settings)

    after = world.begin(world.claim(items=1)[0]).app_version

    assert int(after) == int(before) + 1


def test_leases_that_are_given_back_run_again_at_once_and_use_no_permit(world):
    world.app(rate=20, burst=1)
    job = world.submit(5)
    (part,) = world.claim()

    assert world.worker().give_back([part.lease, "unknown"]) == 1
    assert world.worker().give_back([part.lease]) == 0

    (again,) = world.claim()
    assert again.ranges == part.ranges
    assert again.offsets == part.offsets
    world.audit(job)


def test_a_begun_lease_cannot_be_given_back(world):
    world.app()
    job = world.submit(5)
    part = world.begun()

    assert world.worker().give_back([part.lease]) == 0
    assert world.counts(job).in_flight == 5
