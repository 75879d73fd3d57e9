"""What sessions hear of messages after they were accepted, counted with their jobs."""

import pytest

from bulkhead.engine.delivery import Deliveries, Status
from bulkhead.engine.sessions import SenderId, Sessions, State
from tests.fakes.engine import FAILED, SUCCEEDED, UNKNOWN, report

NEWS = SenderId("acme/shop", "news@acme")
SENT, LOST, DELIVERED, READ = range(1, 5)


@pytest.fixture
def broadcast(world):
    """A job of four real-time messages, and the number of its first."""
    world.app()
    sessions = Sessions(world.scripts)
    sessions.acquire(NEWS, "w1")
    sessions.renew("w1", {NEWS: State("online")})
    job = world.submit(4, kind="broadcast", sender=NEWS.sender)
    return job, int(world.jobs.fields(job)["mid"])


def hear(world, *told):
    return Deliveries(world.scripts).hear("acme/shop", [Status(*one) for one in told])


def lost_answers(world, **facts):
    """All four messages were sent, and nobody heard of them in time."""
    part = world.begun()
    states = {UNKNOWN: list(range(4))}
    return world.settle(report(part, states, codes={"NOT_CONFIRMED": [2, 3, 4, 5]}, **facts))


def codes(world, job):
    return {entry.code: entry.count for entry in world.jobs.get(job).errors_by_code}


def test_statuses_find_their_items_by_number_and_only_rise(world, broadcast):
    job, mid = broadcast
    world.finish(world.begun())

    heard = hear(
        world, (mid, "user0", "", SENT), (mid + 1, "user1", "", READ), (mid + 1, "user1", "", SENT)
    )

    assert heard == 3
    reached = Deliveries(world.scripts).funnel(job).recipients
    assert (reached.sent, reached.delivered, reached.read, reached.lost) == (2, 1, 1, 0)


def test_members_of_a_group_are_told_apart(world, broadcast):
    job, mid = broadcast
    world.finish(world.begun())

    hear(world, (mid, 77, "ann", READ), (mid, 77, "ben", DELIVERED), (mid, 77, "ann", READ))

    members = Deliveries(world.scripts).funnel(job).members
    assert (members.sent, members.delivered, members.read) == (2, 2, 1)


def test_numbers_of_nobodys_messages_count_nowhere(world, broadcast):
    _, mid = broadcast

    assert hear(world, (mid - 1, "user0", "", READ), (mid + 4, "user0", "", READ)) == 0
    assert hear(world) == 0


def test_a_number_may_be_told_as_the_package_has_it_with_a_sign(world, broadcast):
    _, mid = broadcast
    signed = mid - 2**32 if mid >= 2**31 else mid

    assert hear(world, (signed, "user0", "", SENT)) == 1


def test_a_later_status_settles_what_was_unknown_and_never_the_jobs_state(world, broadcast):
    job, mid = broadcast
    lost_answers(world)
    before = world.jobs.get(job)

    hear(
        world, (mid, "user0", "", SENT), (mid + 2, "user2", "", READ), (mid + 2, "user2", "", READ)
    )

    after = world.jobs.get(job)
    assert (after.counts.succeeded, after.counts.unknown) == (2, 2)
    assert after.state is before.state
    assert after.version == before.version + 2
    assert codes(world, job) == {"NOT_CONFIRMED": 2}
    outcomes = {row.line: (row.outcome, row.detail) for row in world.jobs.results(job)}
    assert outcomes[2] == ("succeeded", "confirmed_by_status")
    assert outcomes[3] == ("unknown", None)
    world.audit(job)


def test_that_a_message_was_lost_on_its_way_confirms_nothing(world, broadcast):
    job, mid = broadcast
    lost_answers(world)

    hear(world, (mid, "user0", "", LOST))

    assert world.counts(job).unknown == 4


def test_a_status_that_comes_before_the_report_of_who_gave_up_is_not_forgotten(world, broadcast):
    job, mid = broadcast
    part = world.begun()
    hear(world, *((mid + index, f"user{index}", "", SENT) for index in range(4)))

    told = report(part, {UNKNOWN: list(range(4))}, codes={"NOT_CONFIRMED": [2, 3, 4, 5]})
    world.settle(told)

    assert world.counts(job).succeeded == 4
    assert world.state(job) == "completed"
    assert codes(world, job) == {}
    world.audit(job)


def test_an_item_that_failed_or_is_in_flight_is_changed_by_no_status(world, broadcast):
    job, mid = broadcast
    part = world.begun()
    hear(world, (mid, "user0", "", SENT))
    assert world.counts(job).in_flight == 4

    world.settle(report(part, {FAILED: [0], SUCCEEDED: [1, 2, 3]}))
    hear(world, (mid, "user0", "", READ))

    assert world.counts(job).failed == 1


def test_what_a_dead_worker_left_unknown_is_confirmed_by_its_number_alone(world, broadcast):
    job, mid = broadcast
    world.begun()
    world.advance(60)
    world.worker("w2").reap()
    assert world.counts(job).unknown == 4

    hear(world, *((mid + index, f"user{index}", "", DELIVERED) for index in range(4)))

    assert world.counts(job).succeeded == 4


def test_jobs_that_are_forgotten_are_not_kept_by_their_numbers(world, broadcast):
    job, mid = broadcast
    for name in world.redis.scan_iter(world.key("job", job) + "*"):
        world.redis.delete(name)

    assert hear(world, (mid, "user0", "", SENT)) == 0
    assert world.redis.zcard(world.key("app", "acme/shop", "mid", "ranges")) == 0
