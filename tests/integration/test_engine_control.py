"""Pause, resume, cancel: one write, compared and set, and never past the end."""

from collections import Counter

import pytest

from bulkhead.errors import Conflict, NotFound
from tests.fakes.engine import SUCCEEDED, report


def test_a_paused_job_grants_nothing_until_it_is_resumed(world):
    world.app()
    job = world.submit(100)
    world.finish(world.begun(items=3))

    paused = world.jobs.control(job, "pause", why="lunch")
    assert paused.paused == {"by": "user", "why": "lunch"}
    assert world.claim() == []
    world.jobs.control(job, "resume")

    assert len(world.claim()) > 0
    world.audit(job)


def test_what_is_in_flight_at_a_cancel_is_recorded_and_the_rest_is_cancelled(world):
    world.app()
    job = world.submit(100)
    part = world.begun(items=4)

    world.jobs.control(job, "cancel")
    assert world.counts(job).in_flight == 4
    world.settle(report(part, {SUCCEEDED: [0, 1]}, back=[2, 3]))

    counts = world.counts(job)
    assert (counts.succeeded, counts.cancelled, counts.in_flight) == (2, 98, 0)
    assert world.state(job) == "cancelled"
    assert len(list(world.jobs.results(job, frozenset({"succeeded"})))) == 2
    assert world.claim() == []
    world.audit(job)


def test_the_rows_that_a_job_ended_without_are_in_its_results(world):
    world.app()
    job = world.submit(100, refused={99})
    part = world.begun(items=4)
    assert len(list(world.jobs.results(job))) == 1

    world.jobs.control(job, "cancel")
    in_flight = [row.outcome for row in world.jobs.results(job)]
    world.settle(report(part, {SUCCEEDED: [0, 1]}, back=[2, 3]))
    settled = list(world.jobs.results(job))

    assert Counter(in_flight) == {"cancelled": 95, "failed": 1}
    assert Counter(row.outcome for row in settled) == {
        "succeeded": 2,
        "cancelled": 97,
        "failed": 1,
    }
    cancelled = list(world.jobs.results(job, frozenset({"cancelled"})))
    assert sorted(row.line for row in cancelled) == [row.line for row in cancelled]
    assert {(row.attempts, row.code, row.last_attempt_at) for row in cancelled} == {(0, None, None)}
    assert list(world.jobs.results(job, frozenset({"not_attempted"}))) == []


def test_a_cancelled_job_of_a_dead_worker_stays_cancelled(world):
    world.app()
    job = world.submit(8)
    world.begun("w1")
    world.jobs.control(job, "cancel")
    world.advance(9)

    world.worker("w2").reap()

    assert world.counts(job).cancelled == 8
    assert world.claim("w2") == []


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_job_that_has_ended_never_changes(world, verb):
    world.app()
    done, cancelled = world.submit(1), world.submit(1)
    world.jobs.control(cancelled, "cancel")
    world.run_all()

    for job, state in ((done, "completed"), (cancelled, "cancelled")):
        with pytest.raises(Conflict, match=verb):
            world.jobs.control(job, verb)
        assert world.state(job) == state
    with pytest.raises(Conflict):
        world.jobs.control(done, "cancel")
    assert world.jobs.control(cancelled, "cancel").state.value == "cancelled"


def test_a_change_is_refused_when_the_job_has_changed_since_it_was_read(world):
    world.app()
    job = world.submit(10)
    version = world.jobs.get(job).version
    world.jobs.control(job, "pause", version=version)

    with pytest.raises(Conflict, match="cancel"):
        world.jobs.control(job, "cancel", version=version)

    assert world.state(job) == "paused"
    assert world.jobs.control(job, "cancel", version=version + 1).state.value == "cancelled"


def test_a_control_sent_twice_says_the_same_and_bumps_no_version(world):
    world.app()
    job = world.submit(10)

    first = world.jobs.control(job, "pause")

    assert world.jobs.control(job, "pause").version == first.version


def test_a_job_that_is_unknown_is_said_with_the_nearest_name(world):
    world.app()
    job = world.submit(1)

    with pytest.raises(NotFound) as refused:
        world.jobs.control(job[:-1] + ("0" if job[-1] != "0" else "1"), "pause")

    assert job in refused.value.to_do


@pytest.mark.parametrize(("kind", "name"), [("app", "acme/shop"), ("tenant", "acme")])
def test_a_paused_app_or_tenant_grants_nothing_and_others_go_on(world, kind, name):
    world.app("acme/shop")
    world.app("other/shop")
    world.submit(5, "acme/shop")
    world.submit(5, "other/shop")

    world.fleet.control(kind, name, "pause")

    assert {part.app for part in world.claim()} == {"other/shop"}
    world.fleet.control(kind, name, "resume")
    assert {part.app for part in world.claim()} == {"acme/shop"}


def test_a_job_that_arrives_while_its_app_is_paused_waits_for_it(world):
    world.app()
    world.fleet.control("app", "acme/shop", "pause")

    world.submit(5)

    assert world.claim() == []
    world.fleet.control("app", "acme/shop", "resume")
    assert len(world.claim()) == 1


def test_a_paused_job_whose_last_call_returns_is_completed(world):
    world.app()
    job = world.submit(5)
    part = world.begun()
    world.jobs.control(job, "pause")

    world.finish(part)

    assert world.state(job) == "completed"
