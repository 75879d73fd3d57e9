"""Reap: what outlived its worker or its time ends, and nothing else."""

import pytest

from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun
from tests.fakes.engine import FAILED, SUCCEEDED, UNKNOWN, report


def die(world, worker, *alive):
    """The worker stops beating; the others live on, and one of them reaps."""
    world.advance(7.9)
    for name in alive:
        world.worker(name).beat({})
    world.advance(0.2)
    del world.workers[worker]
    return world.worker(alive[0]).reap()


def test_a_live_worker_keeps_what_it_began(world):
    world.app()
    job = world.submit(5)
    world.begun()
    world.advance(7)

    assert world.worker("w2").reap() == ([], [])
    assert world.counts(job).in_flight == 5


def test_a_granted_lease_ends_quietly_after_two_seconds(world):
    world.app()
    job = world.submit(5)
    world.claim()
    world.advance(2)

    dead, ended = world.worker("w2").reap()

    assert dead == []
    assert [(lease.again, lease.unknown, lease.failed) for lease in ended] == [(5, 0, 0)]
    assert world.leases() == []
    (part,) = world.claim()
    assert world.begin(part).tries == {}
    world.audit(job)


def test_begun_items_that_may_be_repeated_run_again_after_their_worker_died(world):
    world.app()
    job = world.submit(5)
    part = world.begun("w1")
    world.settle(report(part, {SUCCEEDED: [0, 1]}, last=False))

    dead, ended = die(world, "w1", "w2")

    assert dead == ["w1"]
    assert ended[0].again == 3
    assert world.run_all("w2") == [(job, 2), (job, 3), (job, 4)]
    assert world.state(job) == "completed"
    world.audit(job)


def test_begun_items_that_may_not_be_repeated_become_unknown(world):
    world.app()
    job = world.submit(5, repeat="once")
    world.begun("w1")

    _, ended = die(world, "w1", "w2")

    assert ended[0].unknown == 5
    assert world.map_of(job) == [UNKNOWN] * 5
    assert world.state(job) == "completed_with_errors"
    rows = list(world.jobs.results(job))
    assert {row.code for row in rows} == {"NOT_CONFIRMED"}
    assert world.claim("w2") == []
    world.audit(job)


def test_a_call_that_hangs_in_a_live_worker_ends_at_its_hard_end(world):
    world.app(read_timeout=30)
    job = world.submit(4)
    part = world.begun("w1", slots=4)
    assert part.parallel == 4
    for _ in range(34):
        world.advance(1)
        world.worker("w1").beat({})
        assert world.worker("w1").reap() == ([], [])
    world.advance(1)
    world.worker("w1").beat({})

    dead, ended = world.worker("w1").reap()

    assert dead == []
    assert ended[0].again == 4
    assert world.finish(part).verdict == "late"
    assert len(world.run_all("w1")) == 4
    world.audit(job)


def test_a_worker_that_said_good_bye_is_reaped_at_once(world):
    world.app()
    job = world.submit(5)
    world.begun("w1")

    world.worker("w1").leave()

    assert world.worker("w2").reap()[0] == ["w1"]
    assert len(world.run_all("w2")) == 5
    world.audit(job)


def test_a_dead_worker_with_more_leases_than_one_reap_ends_is_reaped_in_turns(world):
    for number in range(250):
        world.app(f"acme/app{number}")
        world.submit(1, f"acme/app{number}")
    for _ in range(5):
        for part in world.claim("w1"):
            world.begin(part, "w1")

    dead, ended = die(world, "w1", "w2")
    assert dead == []
    assert len(ended) == 200
    dead, ended = world.worker("w2").reap()

    assert dead == ["w1"]
    assert len(ended) == 50
    assert world.leases() == []


def test_the_item_that_kills_its_worker_is_poison_and_its_neighbours_succeed(world):
    world.app()
    job, guilty = world.submit(12), 7
    deaths = 0
    for number in range(60):
        worker = f"killed{number}"
        parts = world.claim(worker)
        if not parts:
            break
        for part in parts:
            world.begin(part, worker)
        held = [index for part in parts for index in indexes(part.ranges)]
        if guilty in held:
            deaths += 1
            die(world, worker, "reaper")
        else:
            for part in parts:
                world.finish(part, worker=worker)
            world.worker(worker).leave()

    states = world.map_of(job)
    assert [index for index, state in enumerate(states) if state == FAILED] == [guilty]
    assert states.count(SUCCEEDED) == 11
    assert deaths == 4
    assert [code.code for code in world.jobs.get(job).errors_by_code] == ["POISON"]
    world.audit(job)


def killed_with(world, job, times, beside):
    """Workers die with the job's only item, and so many more each time without it."""
    for number in range(times):
        worker = f"held{number}"
        (part,) = world.claim(worker)
        assert isinstance(world.begin(part, worker), Begun)
        for other in range(beside):
            world.worker(f"other{number}-{other}")
        world.advance(7.9)
        world.worker("reaper").beat({})
        world.advance(0.2)
        world.worker("reaper").reap()
        if world.state(job) != "running":
            return number + 1
    return times


def test_an_item_that_was_with_killed_workers_by_chance_is_not_to_blame(world):
    world.app()
    job = world.submit(1)

    killed_with(world, job, times=6, beside=5)
    world.run_all("alive")

    assert world.counts(job).succeeded == 1
    assert world.jobs.get(job).errors_by_code == ()
    world.audit(job)


@pytest.mark.parametrize(("beside", "deaths"), [(0, 4), (1, 4), (5, 12)])
def test_a_guilty_item_is_found_sooner_or_later_whatever_else_is_killed(world, beside, deaths):
    world.app()
    job = world.submit(1)

    assert killed_with(world, job, times=20, beside=beside) == deaths

    assert [code.code for code in world.jobs.get(job).errors_by_code] == ["POISON"]
    world.audit(job)


def test_a_worker_that_said_good_bye_is_no_death_that_clears_an_item(world):
    world.app()
    job = world.submit(1)
    for number in range(4):
        (part,) = world.claim(f"held{number}")
        world.begin(part, f"held{number}")
        for other in range(5):
            world.worker(f"stopped{number}-{other}").leave()
        die(world, f"held{number}", "reaper")

    assert [code.code for code in world.jobs.get(job).errors_by_code] == ["POISON"]


def test_a_worker_runs_one_suspect_at_a_time_and_new_items_beside_it(world):
    world.app()
    job = world.submit(200)
    part = world.begun("w1", items=3)
    die(world, "w1", "w2")
    assert world.begun("w3", items=3).ranges == part.ranges
    die(world, "w3", "w2")

    parts = world.claim("w2")

    granted = [list(indexes(part.ranges)) for part in parts]
    assert [0] in granted
    assert not {1, 2} & {index for items in granted for index in items}
    assert len(parts) > 1
    world.audit(job)


def test_what_is_reaped_is_counted_for_whoever_is_on_call(world):
    world.app()
    world.submit(4, kind="users.tokens.issue")
    world.begun(items=3)
    world.claim("w2", items=1)
    for worker in ("w1", "w2"):
        world.worker(worker).leave()

    world.worker("w3").reap()
    world.worker("w3").reap()

    counted = {
        name.decode(): int(n) for name, n in world.redis.hgetall(world.key("reaped")).items()
    }
    assert counted == {"workers": 2, "granted": 1, "begun": 1, "unknown": 3}
