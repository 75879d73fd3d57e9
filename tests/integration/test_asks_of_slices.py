"""A message is asked for under the lease of its slice: without that nobody sends it."""

import pytest

from bulkhead.engine.sessions import Ask, SenderId, Sessions, State

NEWS = SenderId("acme/shop", "news@acme")
TWO_SECONDS = 2_000_000


@pytest.fixture
def sessions(world):
    world.app()
    sessions = Sessions(world.scripts)
    keep(sessions)
    return sessions


def keep(sessions):
    assert sessions.acquire(NEWS, "k1")
    assert sessions.renew("k1", {NEWS: State("online")}) == []


@pytest.fixture
def part(world, sessions):
    world.submit(5, kind="broadcast", sender=NEWS.sender)
    return world.begun()


def ask(part, worker="w1"):
    about = {"job": part.job, "mid": 7, "to": "ann@acme", "text": "hi"}
    return Ask("one", NEWS, "send", about, worker=worker, left=TWO_SECONDS, lease=part.lease)


def taken(sessions):
    return [one.id for one in sessions.take("k1", [NEWS], 0.01)]


def withheld(sessions, worker="w1"):
    return [one.id for one in sessions.answers(worker, 0.001) if one.withheld]


def test_a_message_of_a_begun_slice_is_given_to_its_session(sessions, part):
    sessions.ask([ask(part)])

    assert taken(sessions) == ["one"]


def test_a_worker_that_stood_still_before_it_asked_has_nothing_sent(world, sessions, part):
    world.advance(2)
    keep(sessions)

    sessions.ask([ask(part)])

    assert taken(sessions) == []
    assert withheld(sessions) == ["one"]


def test_time_until_the_asking_is_part_of_the_two_seconds(world, sessions, part):
    world.advance(1.5)
    sessions.ask([ask(part)])

    world.advance(0.6)

    assert taken(sessions) == []
    assert withheld(sessions) == ["one"]


def test_a_slice_that_was_taken_from_its_worker_has_nothing_sent(world, sessions, part):
    world.redis.delete(world.key("lease", part.lease))

    sessions.ask([ask(part)])

    assert withheld(sessions) == ["one"]


def test_a_slice_of_another_worker_has_nothing_sent(sessions, part):
    sessions.ask([ask(part, worker="w2")])

    assert withheld(sessions, "w2") == ["one"]


def test_a_job_that_was_cancelled_since_has_nothing_sent(world, sessions, part):
    world.jobs.control(part.job, "cancel")

    sessions.ask([ask(part)])

    assert withheld(sessions) == ["one"]
