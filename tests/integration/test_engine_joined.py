"""Joined calls: several items of a slice in one call, and a permit a call."""

import pytest

from bulkhead.model.kind import joined
from bulkhead.model.ranges import indexes
from tests.fakes.engine import PENDING, SENT, SUCCEEDED, UNKNOWN, report

ONCE = {"kind": "call", "repeat": "once"}
SAFE = {"kind": "apps.check"}


def items(part):
    return list(indexes(part.ranges))


def permits(world):
    """Permits that were granted and not returned."""
    app = world.app_now()
    return int(app["permits_granted"]) - int(app.get("permits_returned", 0))


def test_a_slice_holds_a_permit_a_call_and_no_more_calls_than_its_items_need(world):
    world.app(rate=20.0)
    job = world.submit(230, join=100, **SAFE)

    parts = []
    while len([index for part in parts for index in items(part)]) < 230:
        world.advance(0.05)
        parts += world.claim()

    assert sum(len(part.offsets) for part in parts) == 3
    assert permits(world) == 3
    assert all(part.join == 100 for part in parts)
    world.audit(job)


def test_joined_calls_come_no_faster_than_the_rate_of_their_app(world):
    world.app(rate=10.0, burst=1)
    world.submit(10_000, join=50, **SAFE)

    calls = 0
    for _ in range(200):
        world.advance(0.01)
        for part in world.claim():
            world.begin(part)
            calls += len(part.offsets)
            world.finish(part, calls=len(part.offsets))

    # Two seconds, and what is granted ahead.
    assert 19 <= calls <= 22
    assert calls == permits(world)


def test_the_rate_of_a_job_counts_its_calls(world):
    world.app()
    world.submit(1_000, join=100, rate=2.0, **SAFE)

    calls = 0
    for _ in range(100):
        world.advance(0.01)
        for part in world.claim():
            world.begin(part)
            calls += len(part.offsets)
            world.finish(part, calls=len(part.offsets))

    assert 2 <= calls <= 4


def test_permits_of_calls_that_were_not_made_go_back_at_the_end_of_the_slice(world):
    world.app(max_in_flight=8)
    job = world.submit(500, join=100, **SAFE)
    part = world.begun()
    assert len(part.offsets) == 5

    first, rest = items(part)[:200], items(part)[200:]
    world.settle(report(part, {SUCCEEDED: first}, seq=1, last=False, calls=2))
    assert permits(world) == 5

    world.settle(report(part, {SUCCEEDED: rest}, seq=2, calls=2))

    assert permits(world) == 4
    assert world.state(job) == "completed"


def test_what_is_returned_unsent_comes_again_and_costs_nothing(world):
    world.app(max_in_flight=4)
    job = world.submit(300, join=100, **SAFE)
    part = world.begun()

    world.settle(report(part, calls=0, latency=0, back=items(part)))

    assert permits(world) == 0
    assert world.redo(job) == items(part)
    world.audit(job)


def test_a_granted_lease_that_ends_gives_back_a_permit_a_call(world):
    world.app()
    job = world.submit(300, join=100, **SAFE)
    (part,) = world.claim()

    assert world.worker().give_back([part.lease]) == 1

    assert permits(world) == 0
    world.audit(job)


def test_a_granted_lease_of_a_dead_worker_gives_back_a_permit_a_call(world):
    world.app()
    job = world.submit(300, join=100, **SAFE)
    world.claim()

    world.advance(3)
    world.worker("w2").reap()

    assert permits(world) == 0
    assert sorted(world.redo(job)) == list(range(300))


def test_a_lease_lives_as_long_as_its_calls_may_take_and_no_longer(world):
    world.app(max_in_flight=1)
    world.submit(300, join=100, **SAFE)
    part = world.begun()
    waves = len(part.offsets)

    due = world.redis.zscore(world.key("lease"), part.lease)

    assert due == world.now + (waves * 30 + 5) * 1_000_000


def test_a_lost_joined_call_that_may_not_be_repeated_makes_all_of_its_items_unknown(world):
    world.app(max_in_flight=2)
    job = world.submit(30, join=10, **ONCE)
    part = world.begun()
    assert len(part.offsets) == 2
    assert len(items(part)) == 20

    world.advance(120)
    world.worker("w2").reap()

    assert world.counts(job).unknown == 20
    assert world.map_of(job)[:20] == [UNKNOWN] * 20
    world.audit(job)


def test_only_what_the_calls_carry_is_marked_as_sent(world):
    world.app(max_in_flight=2)
    job = world.submit(30, join=10, **ONCE)
    (part,) = world.claim()

    # The first seven go in the first call, the next two in the second.
    (begun,) = world.worker().begin([part.lease], reach={part.lease: 9})

    assert begun.left > 0
    states = world.map_of(job)
    assert states[:9] == [SENT] * 9
    assert set(states[9:]) == {PENDING}
    world.audit(job)

    world.advance(120)
    world.worker("w2").reap()
    assert world.counts(job).unknown == 9
    world.audit(job)


def test_begin_that_is_sent_twice_returns_what_is_beyond_the_calls_once(world):
    world.app(max_in_flight=2)
    job = world.submit(30, join=10, **ONCE)
    (part,) = world.claim()

    for _ in range(2):
        world.worker().begin([part.lease], reach={part.lease: 9})

    assert world.redo(job) == items(part)[9:]
    world.audit(job)


def test_items_with_little_in_common_are_asked_for_in_smaller_slices(world):
    world.app(max_in_flight=4)
    job = world.submit(2_000, join=100, **SAFE)

    hoped = []
    for _ in range(12):
        world.advance(1)
        (part,) = world.claim(slots=4)
        world.begin(part)
        hoped.append(-(-len(items(part)) // len(part.offsets)))
        # No two of them share a call.
        calls = len(part.offsets)
        sent, back = items(part)[:calls], items(part)[calls:]
        world.settle(report(part, {SUCCEEDED: sent}, calls=calls, latency=1000, back=back))
        world.audit(job)

    assert hoped[0] == 100
    assert hoped[-1] == 1


def test_items_that_have_more_in_common_again_share_calls_again(world):
    world.app(max_in_flight=4)
    job = world.submit(20_000, join=100, **SAFE)
    world.redis.hset(world.key("job", job), "fill", 1)

    hoped = []
    for _ in range(12):
        world.advance(1)
        (part,) = world.claim(slots=4)
        world.begin(part)
        hoped.append(-(-len(items(part)) // len(part.offsets)))
        calls = -(-len(items(part)) // 100)
        world.finish(part, calls=calls, latency=1000)

    assert hoped[0] == 1
    assert hoped[-1] == 100


def test_a_slice_that_died_twice_is_split_to_single_items(world):
    world.app(max_in_flight=4)
    job = world.submit(10, join=10, **SAFE)

    for number in range(2):
        world.begun(f"dies{number}")
        world.advance(120)
        world.worker("w9").reap()
    (part,) = world.claim("w9")

    assert items(part) == [0]
    assert len(part.offsets) == 1
    world.audit(job)


def test_a_call_costs_a_fair_share_whatever_it_carries(world):
    world.app("acme/a", max_in_flight=2)
    world.app("umbrella/b", max_in_flight=2)
    world.submit(60_000, "acme/a", join=100, **SAFE)
    world.submit(1_000, "umbrella/b", **SAFE)

    calls = {"acme/a": 0, "umbrella/b": 0}
    for _ in range(300):
        world.advance(0.05)
        (part,) = world.claim(slots=2)
        world.begin(part)
        calls[part.app] += len(part.offsets)
        world.finish(part, calls=len(part.offsets), latency=50_000)

    assert calls["acme/a"] == pytest.approx(calls["umbrella/b"], rel=0.05)


def test_a_retried_item_goes_in_a_call_of_its_own_where_only_the_first_step_joins(world):
    world.app(max_in_flight=4)
    world.submit(100, join=100, kind="users.delete")
    part = world.begun()

    world.settle(report(part, calls=1, latency=1000, next={"read_back": items(part)}))
    world.advance(1)
    (part,) = world.claim(slots=4)

    assert part.step == "read_back"
    assert part.join == 1
    assert len(part.offsets) == len(items(part))


@pytest.mark.parametrize("join", [101, 5_000])
def test_no_more_items_share_a_call_than_a_body_has_room_for(join):
    with pytest.raises(ValueError, match="100 items at most"):
        joined("call", join)


def test_a_kind_that_joins_nothing_has_no_field_of_it():
    assert joined("users.import") == {}
    assert joined("users.import", 1) == {}
    assert joined("call", 7) == {"join": "7"}
