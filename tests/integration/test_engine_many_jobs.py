"""Many jobs of one app: none of them keeps the others, or other apps, waiting."""

from collections import Counter

from bulkhead.model.ranges import indexes
from tests.fakes.engine import report
from tests.integration.test_engine_record import APP, begin, imported, told


def test_jobs_that_are_done_already_are_looked_through_side_by_side_without_an_idle_claim(world):
    world.app(rate=1e6)
    imported(world, 120)
    jobs, idle = [world.submit(120) for _ in range(12)], 0

    for _ in range(60):
        parts = world.claim(slots=4)
        open_jobs = [job for job in jobs if world.state(job) != "completed"]
        idle += bool(open_jobs) and not parts
        for part in parts:
            world.settle(told(part, begin(world, part)))

    assert idle == 0
    assert {world.state(job) for job in jobs} == {"completed"}
    assert world.app_now(APP)["held"] == "0"
    world.audit(*jobs)


def test_a_bad_token_stops_thousands_of_jobs_a_part_at_a_time_and_they_go_on_likewise(world):
    world.app(rate=1e6)
    jobs = [world.submit(1) for _ in range(400)]
    part = world.begun(slots=1)

    world.settle(report(part, {}, again=[0], stop=("AUTH_FAILED", "not accepted")))

    assert 0 < states(world, jobs)["paused"] < 400
    assert world.state(part.job) == "paused"
    assert world.claim() == []
    ticks(world)
    assert states(world, jobs) == {"paused": 400}

    world.fleet.control("app", APP, "resume")

    assert len(world.claim(slots=8)) == 8
    ticks(world)
    assert states(world, jobs)["paused"] == 0
    world.audit(*jobs)


def test_a_job_that_the_sweep_has_not_reached_is_not_run_while_the_next_token_is_tried(world):
    world.app(rate=1e6)
    jobs = [world.submit(1) for _ in range(400)]
    world.settle(report(world.begun(slots=1), {}, again=[0], stop=("AUTH_FAILED", "no")))
    world.scripts.run("rotate", APP, "offer", "new", "box", "last")
    check = world.submit(1, kind="apps.check_token")

    parts = [part for _ in range(3) for part in world.claim()]

    assert {part.job for part in parts} == {check}
    ticks(world)
    assert states(world, jobs) == {"paused": 400}


def test_an_app_that_goes_on_before_all_its_jobs_were_stopped_leaves_none_behind(world):
    world.app(rate=1e6)
    jobs = [world.submit(1) for _ in range(400)]
    world.settle(report(world.begun(slots=1), {}, again=[0], stop=("AUTH_FAILED", "no")))

    world.fleet.control("app", APP, "resume")
    ticks(world)
    world.run_all()

    assert states(world, jobs) == {"completed": 400}


def states(world, jobs):
    pipe = world.redis.pipeline(transaction=False)
    for job in jobs:
        pipe.hget(world.key("job", job), "state")
    return Counter(state.decode() for state in pipe.execute())


def ticks(world):
    """Let the pulse beat until nothing is left to sweep."""
    for _ in range(20):
        world.worker().tick()
    assert world.redis.scard(world.key("sweeps")) == 0


def test_retries_of_many_apps_that_fall_due_together_come_back_a_part_at_a_time(world):
    apps = [world.app(f"acme/shop{n}", rate=1e6) for n in range(4)]
    jobs = [world.submit(150, app=app) for app in apps]
    while parts := world.claim():
        for part in parts:
            world.begin(part)
            later = [(index, 1e6, 1, 0, "") for index in indexes(part.ranges)]
            world.settle(report(part, retries=later))
    world.advance(2)

    world.claim(slots=1, items=1)
    left = sum(world.redis.zcard(world.key("app", app, "retry")) for app in apps)
    world.advance(3)
    world.worker().reap()
    ran = world.run_all()

    assert left == 200
    assert len(ran) == len(set(ran)) == 600
    assert states(world, jobs) == {"completed": 4}
    world.audit(*jobs)
