"""Limits as a vector: a call keeps to its app's rate, its class's and its job's, all at once."""

import pytest

from tests.fakes.engine import report
from tests.fakes.traffic import Traffic
from tests.integration.test_engine_limits import worst_window

LATE = 0.05


def quick(app, now):
    return "ok", 0.02


@pytest.mark.parametrize("rate", [2.5, 30, 300])
def test_a_job_keeps_to_its_own_rate_and_leaves_the_rest_of_its_app_to_others(valkey_world, rate):
    valkey_world.app(rate=400, burst=20, max_in_flight=64)
    valkey_world.redis.hset(valkey_world.key("app", "acme/shop"), "latency", 20_000)
    slow = valkey_world.submit(5000, rate=rate)
    free = valkey_world.submit(9000)

    traffic = Traffic(valkey_world, quick, workers=("w1", "w2"), delay=0.005).run(10)

    mine = traffic.said(job=slow)
    assert worst_window(sorted(mine), rate) <= rate * LATE + 1
    assert len(mine) >= 0.97 * rate * 10 * (min(1, 200 / rate))
    assert worst_window(sorted(traffic.said()), 400) <= 400 * LATE + 20
    assert len(traffic.said()) >= 0.98 * 400 * 10
    assert traffic.said(job=free)


def test_jobs_of_a_class_share_its_rate_and_hold_up_no_other_class(valkey_world):
    classes = {"message": 20.0}
    valkey_world.app(rate=100, burst=10, max_in_flight=64, classes=classes)
    valkey_world.redis.hset(valkey_world.key("app", "acme/shop"), "latency", 20_000)
    texts = [valkey_world.submit(900, kind="call", params={"op": "message"}) for _ in range(3)]
    people = valkey_world.submit(3000)

    traffic = Traffic(valkey_world, quick, workers=("w1", "w2"), delay=0.005).run(15)

    sent = sorted(at for job in texts for at in traffic.said(job=job))
    assert worst_window(sent, 20) <= 20 * LATE + 1
    assert len(sent) >= 0.85 * 20 * 15
    assert min(len(traffic.said(job=job)) for job in texts) >= 60
    assert len(traffic.said(job=people)) + len(sent) >= 0.98 * 100 * 15


def test_a_job_that_waits_for_its_own_rate_says_so(world):
    world.app(rate=1000)
    job = world.submit(10, rate=2)
    assert world.jobs.get(job).pace["limit_per_s"] == 2

    world.finish(world.begun())
    assert world.claim() == []

    assert world.jobs.get(job).pace["limited_by"] == "job_rate"
    assert 0.4 < world.worker().claim(8, 50).next_due <= 0.5


def test_a_job_that_waits_for_the_rate_of_its_class_says_so(world):
    world.app(rate=1000, classes={"provision": 4.0})
    job = world.submit(10, rate=5)

    world.finish(world.begun())
    assert world.claim() == []

    assert world.jobs.get(job).pace["limited_by"] == "class_rate"


def test_a_job_held_back_by_its_rate_never_blocks_its_app(world):
    world.app(rate=1000)
    slow, other = world.submit(10, rate=1), world.submit(10)
    world.run_all()

    assert world.counts(slow).succeeded == 1
    assert world.counts(other).succeeded == 10


def test_a_slice_that_was_never_begun_gives_the_permits_of_its_job_and_class_back(world):
    world.app(rate=1000, classes={"provision": 4.0})
    world.submit(10, rate=2)
    (part,) = world.claim()

    world.worker().give_back([part.lease])

    (again,) = world.claim()
    assert again.offsets[0] <= 20_000


def test_a_class_that_gets_another_rate_is_obeyed_from_the_next_permit_on(world):
    world.app(rate=1000, classes={"provision": 0.1})
    world.submit(10)
    world.finish(world.begun())

    world.redis.hset(world.key("app", "acme/shop"), "classes", '{"provision": 100.0}')
    world.advance(10)

    assert len(world.run_all()) > 1


def test_a_job_at_its_rate_that_is_cancelled_waits_for_nothing_any_more(world):
    world.app(rate=1000)
    job = world.submit(10, rate=1)
    world.finish(world.begun())
    world.claim()

    world.jobs.control(job, "cancel")

    assert world.redis.zcard(world.key("wait")) == 0
    world.audit(job)


def test_what_a_retry_must_wait_for_is_the_later_of_its_time_and_its_rate(world):
    world.app(rate=1000)
    job = world.submit(1, rate=0.5)
    part = world.begun()
    world.settle(report(part, retries=[(0, 100_000, 1, 0, "")]))

    world.advance(0.2)
    assert world.claim() == []
    world.advance(1.8)

    assert [one.job for one in world.claim()] == [job]
