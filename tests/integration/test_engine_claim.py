"""Claim: slices with permits, never more than every limit allows."""

from bulkhead.engine.verbs import Verbs
from bulkhead.model.app import AppSettings
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Held
from tests.fakes.engine import SUCCEEDED, report


def items(parts):
    return [index for part in parts for index in indexes(part.ranges)]


def test_nothing_to_do_is_said_with_no_next_instant(world):
    claim = world.worker().claim(8, 50)

    assert claim.slices == ()
    assert claim.next_due is None


def test_calls_at_once_never_exceed_the_cap_of_the_app(world):
    world.app(max_in_flight=3)
    world.submit(100)

    parts = world.claim("w1") + world.claim("w2")

    assert sum(part.parallel for part in parts) == 3
    assert world.app_now()["held"] == "3"


def test_a_settled_slice_makes_room_under_the_cap(world):
    world.app(max_in_flight=2)
    world.submit(100)
    part = world.begun()

    world.advance(1)
    assert world.claim() == []

    world.finish(part)

    assert len(world.claim()) == 1


def test_a_worker_gets_no_more_calls_at_once_than_it_has_slots(world):
    world.app()
    world.submit(1000)

    parts = world.claim(slots=5)

    assert sum(part.parallel for part in parts) == 5


def test_a_parcel_holds_no_more_items_than_asked_for(world):
    world.app()
    world.submit(1000)

    assert len(items(world.claim(items=7))) == 7


def test_many_small_jobs_share_one_parcel(world):
    for number in range(20):
        world.app(f"acme/app{number}")
        world.submit(1, f"acme/app{number}")

    assert len(world.claim()) == 20


def test_a_slice_holds_a_twelfth_of_a_second_of_work_at_the_learned_latency(world):
    world.app(max_in_flight=4)
    world.submit(10_000)

    sizes = {}
    for latency in (500_000, 100_000, 10_000):
        for _ in range(20):
            world.advance(2)
            for part in world.claim(slots=4):
                world.begin(part)
                world.finish(part, latency=latency)
        world.advance(2)
        sizes[latency] = len(items(world.claim(slots=4)[:1]))
        world.advance(3)
        world.worker().reap()
        world.worker().beat({})

    assert sizes == {500_000: 1, 100_000: 3, 10_000: 31}


def test_permits_are_granted_in_part_when_few_are_left(world):
    world.app(rate=20, burst=10)
    world.submit(100)

    parts = world.claim()

    # Nine of the burst (one is kept back), and those that fall due within the horizon.
    offsets = sorted(offset for part in parts for offset in part.offsets)
    assert offsets == [0] * 9 + [50_000]
    assert world.claim() == []


def test_permits_beyond_the_burst_are_spaced_by_the_rate(world):
    world.app(rate=20, burst=1)
    world.submit(100)

    (part,) = world.claim()

    gaps = {after - before for before, after in zip(part.offsets, part.offsets[1:], strict=False)}
    assert part.offsets[0] == 0
    assert gaps == {50_000}


def test_no_permit_falls_due_before_the_worker_can_call(world):
    world.app(rate=20, burst=5)
    world.submit(100)

    parts = world.worker().claim(8, 50, delay=0.03).slices

    assert min(offset for part in parts for offset in part.offsets) == 30_000


def test_the_next_instant_is_when_the_next_permit_falls_due(world):
    world.app(rate=2, burst=1)
    world.submit(10)

    claim = world.worker().claim(8, 50)

    assert len(claim.slices) == 1
    assert 0.4 < claim.next_due <= 0.5
    assert world.claim() == []
    world.advance(claim.next_due)
    assert len(world.claim()) == 1


def test_the_bell_rings_once_when_something_becomes_ready(world):
    world.app()
    bell = world.worker().bell

    world.submit(1)
    world.submit(1)

    assert world.redis.llen(bell) == 1


def test_the_bell_rings_again_while_work_is_left_for_others(world):
    world.app()
    world.submit(100)
    world.redis.delete(world.worker().bell)

    world.claim(items=3)

    assert world.redis.llen(world.worker().bell) == 1


def test_the_bell_is_silent_when_nothing_is_left(world):
    world.app()
    world.submit(3)
    world.redis.delete(world.worker().bell)

    world.claim()

    assert world.redis.llen(world.worker().bell) == 0


def test_the_bell_rings_when_an_app_that_waited_becomes_ready(world):
    world.app(rate=1, burst=1)
    world.submit(10)
    world.finish(world.begun(items=1))
    world.redis.delete(world.worker().bell)
    world.advance(2)

    # A claim of no items promotes what is due, and leaves it to others.
    assert world.claim(items=0) == []

    assert world.redis.llen(world.worker().bell) == 1


def egress_is_used_up(world, app):
    for number in range(5):
        world.redis.sadd(world.key("app", app, "egress"), f"address{number}")


def test_an_app_called_from_five_addresses_is_never_granted_to_a_sixth(world):
    world.app("acme/shop")
    world.app("acme/other")
    egress_is_used_up(world, "acme/shop")
    world.submit(3, "acme/shop")
    world.submit(3, "acme/other")
    world.worker("sixth", egress="address5")
    world.worker("fifth", egress="address4")

    assert {part.app for part in world.claim("sixth")} == {"acme/other"}
    assert {part.app for part in world.claim("fifth")} == {"acme/shop"}


def test_a_sixth_address_that_lost_the_race_is_not_begun(world):
    world.app()
    world.submit(3)
    world.worker("sixth", egress="address5")
    (part,) = world.claim("sixth")
    egress_is_used_up(world, "acme/shop")

    assert world.begin(part, "sixth") == Held("egress")

    assert world.app_now()["permits_returned"] == "3"
    world.worker("fifth", egress="address4")
    assert items(world.claim("fifth")) == [0, 1, 2]


def test_twenty_apps_closed_to_a_worker_hide_no_other_app_and_ring_no_bell(world):
    for number in range(20):
        world.app(f"acme/closed{number:02}")
        egress_is_used_up(world, f"acme/closed{number:02}")
        world.submit(1, f"acme/closed{number:02}")
    world.advance(1)
    world.app("acme/open")
    world.submit(1, "acme/open")
    world.worker("sixth", egress="address5")
    world.redis.delete(world.worker("sixth").bell)

    assert [part.app for part in world.claim("sixth")] == ["acme/open"]

    # A bell here would have the worker claim again and again for nothing.
    assert world.redis.llen(world.worker("sixth").bell) == 0


def test_an_app_that_moved_to_another_cell_is_claimed_there_only(world):
    world.app(rate=10, burst=1)
    world.submit(30)

    world.fleet.set_app("acme/shop", AppSettings("https://backend.example", cell="east"))

    assert world.claim() == []
    world.workers["east"] = Verbs(world.scripts, "east", cell="east", egress="default")
    assert {part.app for part in world.claim("east")} == {"acme/shop"}


def test_items_that_came_back_are_granted_with_new_ones_in_one_slice(world):
    world.app()
    world.submit(20)
    part = world.begun(items=5)
    world.settle(report(part, {SUCCEEDED: [0, 2, 4]}, back=[1, 3]))

    (part,) = world.claim(items=4)

    assert items([part]) == [1, 3, 5, 6]
    world.audit(part.job)


def test_an_urgent_job_is_served_ahead_of_a_bulk_job_of_the_same_app_by_weight(world):
    world.app()
    jobs = {
        priority: world.submit(3000, priority=priority) for priority in ("urgent", "normal", "bulk")
    }

    ran = [job for _ in range(1050) for job, _ in [claim_one(world)]]

    served = {priority: ran.count(job) for priority, job in jobs.items()}
    assert abs(served["urgent"] - 800) <= 16
    assert abs(served["normal"] - 200) <= 4
    assert abs(served["bulk"] - 50) <= 2


def claim_one(world):
    part = world.begun(items=1)
    world.finish(part)
    return part.job, part.ranges[0][0]


def test_the_bell_rings_when_something_waits_for_an_instant_that_nobody_was_told_of(world):
    world.app(rate=2, burst=1, max_in_flight=1)
    world.submit(10)
    part = world.begun()
    assert world.worker().claim(8, 50).next_due is None
    world.redis.delete(world.worker().bell)

    world.finish(part)
    assert world.redis.llen(world.worker().bell) == 1

    assert 0.4 < world.worker().claim(8, 50).next_due <= 0.5


def test_calls_that_may_be_made_once_are_marked_only_as_far_as_they_start_together(world):
    world.app(rate=20, burst=1)
    world.submit(10, repeat="once")

    part = world.claim()[0]

    assert len(part.offsets) == 1


def test_a_lane_that_is_free_again_is_told_where_somebody_waits_for_one(world):
    world.app("acme/shop")
    world.app("acme/other")
    world.submit(1, "acme/shop")
    part = world.begun()
    world.submit(1, "acme/other")
    world.redis.delete(world.worker().bell)

    world.finish(part)

    assert world.redis.llen(world.worker().bell) == 1


def test_an_app_whose_permits_a_slow_worker_could_use_stays_ready(world):
    # Fifty milliseconds of permits are left at once, and the worker needs a hundred to begin.
    world.app(rate=100_000, burst=10_000, max_in_flight=1000)
    world.submit(500)

    for _ in range(3):
        assert world.worker().claim(64, 50, delay=0.1).slices
        assert world.worker().claim(64, 0).next_due is None


def test_an_app_made_ready_for_a_slow_worker_waits_where_only_a_quick_one_asks(world):
    world.app(rate=5, burst=1)
    world.submit(50)
    world.worker().claim(64, 50, delay=0.9)
    world.advance(0.25)

    claim = world.worker("w2").claim(64, 50)

    assert claim.slices == ()
    assert 0.7 < claim.next_due < 0.9


def test_a_worker_that_stood_still_holds_a_fast_app_up_for_nobody_else(world):
    free = {"rate": 1_000_000, "burst": 100_000, "max_in_flight": 256}
    world.submit(5000, world.app(**free))

    slow = world.worker("w1").claim(8, 50, 0.5)
    quick = world.worker("w2").claim(8, 50)

    assert slow.slices
    assert min(slow.slices[0].offsets) >= 500_000
    assert quick.slices
