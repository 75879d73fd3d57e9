"""A job over many apps: one item an app, in waves; what fails in one keeps off the next."""

import pytest

from bulkhead.engine.recount import Recount
from tests.fakes.engine import FAILED, SKIPPED, SUCCEEDED, World, report
from tests.fakes.short_visits import ShortVisits

APPS = [f"t{n % 3}/app{n}" for n in range(12)]


@pytest.fixture
def apps(world):
    for name in APPS:
        world.app(name)
    return APPS


def served(world, slices, state=SUCCEEDED):
    """Run these slices to their end; the apps that they were for."""
    for part in slices:
        world.begin(part)
        world.finish(part, state)
    return [part.app for part in slices]


def wave(world):
    """Everything that can be claimed now, run well; the apps in order of their numbers."""
    apps = []
    while slices := world.claim():
        apps += served(world, slices)
    return sorted(apps, key=lambda name: int(name.partition("app")[2]))


def right(world, job):
    found = Recount(world.scripts).audit(job)
    assert found.right, found.differences
    return True


def test_each_app_has_one_item_and_all_run_at_once_where_there_is_one_wave(world, apps):
    job = world.submit_fleet(apps, [12])

    slices = world.claim()

    assert sorted(part.app for part in slices) == sorted(apps)
    assert sorted(part.ranges[0][0] for part in slices) == list(range(12))
    assert all(apps[part.ranges[0][0]] == part.app for part in slices)
    served(world, slices)
    document = world.jobs.get(job).to_dict()
    assert (document["state"], document["app"], document["apps"]) == ("completed", None, 12)
    assert document["tenant"] is None
    assert sorted(row.app for row in world.jobs.results(job)) == sorted(apps)


def test_a_wave_begins_when_all_of_the_one_before_has_succeeded(world, apps):
    job = world.submit_fleet(apps, [1, 4, 12])

    assert wave(world) == apps
    assert world.state(job) == "completed"


def test_no_app_of_a_later_wave_is_reached_before(world, apps):
    job = world.submit_fleet(apps, [1, 4, 12])

    first = world.claim()
    assert [part.app for part in first] == apps[:1]
    assert world.claim() == []
    served(world, first)
    second = world.claim()
    assert sorted(part.app for part in second) == sorted(apps[1:4])
    served(world, second[:2])
    assert world.claim() == []
    assert right(world, job)
    served(world, second[2:])
    assert len(world.claim()) == 8


def test_what_fails_in_a_wave_keeps_off_all_later_ones(world, apps):
    job = world.submit_fleet(apps, [1, 4, 12])
    served(world, world.claim())

    one, *others = world.claim()
    served(world, [one], FAILED)
    served(world, others)

    assert world.claim() == []
    counts = world.counts(job)
    assert world.state(job) == "completed_with_errors"
    assert (counts.succeeded, counts.failed, counts.not_attempted) == (3, 1, 8)
    assert right(world, job)


def test_a_wave_with_a_failure_goes_back_where_that_is_asked_for(world, apps):
    job = world.submit_fleet(apps, [1, 4, 12], rollback=True)
    served(world, world.claim())
    one, *others = world.claim()
    served(world, others)
    served(world, [one], FAILED)

    back = world.claim()

    assert sorted(part.app for part in back) == sorted(part.app for part in others)
    assert {part.step for part in back} == {"roll_back"}
    assert world.state(job) == "running"
    assert right(world, job)
    served(world, back, FAILED)
    assert world.claim() == []
    assert world.state(job) == "completed_with_errors"
    counts = world.counts(job)
    assert (counts.succeeded, counts.failed, counts.not_attempted) == (1, 3, 8)
    assert right(world, job)


def test_a_wave_goes_back_whoever_was_skipped_before_it(world, apps):
    job = world.submit_fleet(apps, [4, 8, 12], rollback=True)
    for part in world.claim():
        world.begin(part)
        world.settle(report(part, {SKIPPED: [part.ranges[0][0]]}, free=1))
    one, *others = world.claim()
    served(world, others)
    served(world, [one], FAILED)

    back = world.claim()

    assert sorted(part.app for part in back) == sorted(part.app for part in others)
    assert {part.step for part in back} == {"roll_back"}
    assert right(world, job)


def test_an_app_that_needs_no_call_does_not_have_the_others_looked_through(world, apps):
    job = world.submit_fleet(apps, [1, 12])
    (part,) = world.claim()
    world.begin(part)
    world.settle(report(part, {SKIPPED: [0]}, free=1))

    found = world.claim()

    assert {part.step for part in found} == {""}
    assert len(found) == 11
    assert right(world, job)


def test_the_next_wave_waits_for_the_soak(world, apps):
    world.submit_fleet(apps, [1, 12], soak=60)
    served(world, world.claim())

    world.advance(59)
    assert world.claim() == []
    world.advance(2)

    assert len(world.claim()) == 11


def test_an_item_that_goes_on_with_another_step_is_claimed_again_for_its_app(world, apps):
    job = world.submit_fleet(apps[:2], [2])
    parts = world.claim()
    for part in parts:
        world.begin(part)
        told = report(part, {})
        told.next["verify"] = [part.ranges[0][0]]
        world.settle(told)

    again = world.claim()

    assert sorted((part.app, part.step) for part in again) == [
        (apps[0], "verify"),
        (apps[1], "verify"),
    ]
    served(world, again)
    assert world.state(job) == "completed"


def test_what_a_dead_worker_held_comes_back_to_its_app(world, apps):
    job = world.submit_fleet(apps, [12])
    for part in world.claim("w1"):
        world.begin(part, "w1")
    world.advance(20)
    world.worker("w2").beat({})

    world.worker("w2").reap()
    again = world.claim("w2")

    assert sorted(part.app for part in again) == sorted(apps)
    assert right(world, job)


def test_a_granted_slice_that_never_began_comes_back_to_its_app(world, apps):
    world.submit_fleet(apps, [12])
    assert len(world.claim("w1")) == 12
    world.advance(3)

    world.worker("w2").reap()

    assert len(world.claim("w2")) == 12


def test_a_paused_job_gives_nothing_out_and_goes_on_where_it_stopped(world, apps):
    job = world.submit_fleet(apps, [4, 12])
    held = world.claim()
    world.jobs.control(job, "pause")

    refused = [world.begin(part).reason for part in held]
    assert refused == ["held"] * 4
    assert world.claim() == []
    world.jobs.control(job, "resume")

    assert wave(world) == apps
    assert world.state(job) == "completed"


def test_a_job_paused_between_two_waves_goes_on_with_the_next(world, apps):
    job = world.submit_fleet(apps, [1, 12])
    (part,) = world.claim()
    world.begin(part)
    world.jobs.control(job, "pause")
    world.finish(part)
    assert world.claim() == []
    assert world.state(job) == "paused"

    world.jobs.control(job, "resume")

    assert wave(world) == apps[1:]
    assert world.state(job) == "completed"


def test_a_cancelled_job_leaves_no_app_behind(world, apps):
    job = world.submit_fleet(apps, [4, 12])
    held = world.claim()
    world.begin(held[0])
    world.jobs.control(job, "cancel")
    world.finish(held[0])

    assert world.claim() == []
    counts = world.counts(job)
    assert (counts.succeeded, counts.cancelled) == (1, 11)
    assert not any(world.redis.smembers(world.key("app", name, "open")) for name in apps)
    assert not any(world.redis.zcard(world.key("app", name, "jobs")) for name in apps)
    assert right(world, job)


def test_an_app_that_is_paused_holds_up_its_own_item_alone(world, apps):
    job = world.submit_fleet(apps, [12])
    world.fleet.control("app", apps[3], "pause")

    done = wave(world)

    assert done == [name for name in apps if name != apps[3]]
    assert world.state(job) == "running"
    world.fleet.control("app", apps[3], "resume")
    assert wave(world) == [apps[3]]
    assert world.state(job) == "completed"


def test_an_app_that_was_removed_fails_its_item(world, apps):
    job = world.submit_fleet(apps, [1, 12])
    (part,) = world.claim()
    world.begin(part)
    world.redis.delete(world.key("app", apps[5]))
    world.finish(part)

    wave(world)

    assert world.state(job) == "completed_with_errors"
    assert {code.code for code in world.jobs.get(job).errors_by_code} == {"APP_GONE"}
    assert right(world, job)


def test_a_fleet_job_keeps_to_its_own_rate(world, apps):
    world.submit_fleet(apps, [12], rate=1.0)

    assert len(world.claim()) == 1
    world.advance(5)

    assert 1 <= sum(len(world.claim()) for _ in range(3)) <= 6


def test_a_fleet_job_waits_for_its_time(world, apps):
    world.submit_fleet(apps, [12], at=world.wall() + 60)

    assert world.claim() == []
    world.advance(61)
    # The first claim starts the job, the next one visits its apps.
    found = world.claim() or world.claim()

    assert len(found) == 12


def test_more_apps_than_are_visited_at_once_are_all_reached(world):
    names = [world.app(f"acme/app{n}", tenant_weight=1) for n in range(450)]
    job = world.submit_fleet(names, [10, 450])
    done = 0
    for _ in range(200):
        slices = world.claim(items=500)
        done += len(served(world, slices))
        if done == 450:
            break

    assert done == 450
    assert world.state(job) == "completed"


def test_a_soak_goes_on_for_its_time_whoever_pauses_and_resumes_meanwhile(world, apps):
    job = world.submit_fleet(apps, [1, 12], soak=60)
    served(world, world.claim())
    world.advance(10)

    world.jobs.control(job, "pause")
    world.jobs.control(job, "resume")

    assert world.claim() == []
    world.advance(51)
    assert len(world.claim()) == 11


@pytest.fixture
def slow(any_store):
    """A world in which two apps are visited at a time, with the twelve apps."""
    made = World(any_store, ShortVisits)
    for name in APPS:
        made.app(name)
    return made


def test_a_pause_in_the_middle_of_a_release_keeps_the_rest_of_the_wave_in_its_wave(slow):
    job = slow.submit_fleet(APPS, [6, 12])
    first = slow.claim()
    assert 0 < len(first) < 6
    for part in first:
        slow.begin(part)
    slow.jobs.control(job, "pause")
    for part in first:
        slow.finish(part)
    for _ in range(10):
        assert slow.claim() == []
    slow.jobs.control(job, "resume")

    reached = []
    for _ in range(10):
        reached += [part.app for part in slow.claim()]
    assert sorted(reached) == sorted(set(APPS[:6]) - {part.app for part in first})


def test_a_pause_in_the_middle_of_a_way_back_leaves_nobody_behind(slow):
    job = slow.submit_fleet(APPS, [6, 12], rollback=True)
    parts = []
    for _ in range(10):
        parts += slow.claim()
    served(slow, parts[:5])
    served(slow, parts[5:], FAILED)
    slow.jobs.control(job, "pause")
    for _ in range(10):
        assert slow.claim() == []
    slow.jobs.control(job, "resume")

    back = []
    for _ in range(10):
        found = slow.claim()
        assert {part.step for part in found} <= {"roll_back"}
        back += served(slow, found, FAILED)

    assert sorted(back) == sorted(part.app for part in parts[:5])
    assert slow.state(job) == "completed_with_errors"
    assert slow.counts(job).failed == 6


def test_why_an_item_goes_on_is_kept_until_it_ends(world, apps):
    job = world.submit_fleet(apps[:1], [1], kind="creds.rotate")
    kept = world.key("job", job, "why")
    part = world.begun()

    world.settle(report(part, {}, next={"undo_result": [0]}, why=[(0, "mismatched sender id")]))
    noted = world.redis.hgetall(kept)
    back = world.begun()
    world.settle(report(back, {FAILED: [0]}, why=[(0, "")]))

    assert (noted, back.step) == ({b"0": b"mismatched sender id"}, "undo_result")
    assert world.state(job) == "completed_with_errors"
    assert not world.redis.exists(kept)


def test_why_an_item_of_a_job_that_was_cancelled_went_on_is_forgotten_with_the_job(world, apps):
    job = world.submit_fleet(apps[:1], [1], kind="creds.rotate")
    part = world.begun()
    world.jobs.control(job, "cancel")

    world.settle(report(part, {}, next={"undo_result": [0]}, why=[(0, "mismatched sender id")]))

    assert world.redis.ttl(world.key("job", job, "why")) > 0
