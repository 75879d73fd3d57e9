"""What falls due: the start of a scheduled job, its deadline, and the day it is forgotten."""

import pytest

from bulkhead.engine.draft import RETENTION
from bulkhead.engine.refusal import UNSEALED_FOR
from bulkhead.model.slice import Held
from tests.fakes.engine import SUCCEEDED, report

DAY = 86400


def due(world, seconds):
    """The unix time so many seconds from now."""
    return world.wall() + seconds


def test_a_job_for_later_is_scheduled_and_calls_nothing_before_its_time(world):
    world.app()
    job = world.submit(3, at=due(world, 60))
    document = world.jobs.get(job).to_dict()

    world.advance(59.999)

    assert document["state"] == "scheduled"
    assert document["pace"]["limited_by"] == "schedule"
    assert document["times"]["at"] == "2030-03-17T17:47:40.000Z"
    assert document["counts"]["pending"] == 3
    assert world.claim() == []
    assert world.state(job) == "scheduled"


def test_a_scheduled_job_is_queued_exactly_when_it_is_due_and_runs(world):
    world.app()
    job = world.submit(3, at=due(world, 60))

    waited = world.worker().claim(8, 50).next_due
    world.advance(waited)

    assert waited == 60
    assert len(world.run_all()) == 3
    assert world.state(job) == "completed"
    world.audit(job)


def test_a_time_that_has_passed_is_now(world):
    world.app()

    assert world.state(world.submit(1, at=due(world, -5))) == "queued"


def test_a_worker_that_sleeps_learns_of_a_job_that_is_due_before_it_would_wake(world):
    world.app()
    world.redis.delete(world.key("bell", "main"))

    world.submit(1, at=due(world, 0.3))

    assert world.redis.llen(world.key("bell", "main")) == 1


def test_a_tick_starts_what_is_due_also_where_no_worker_has_a_free_slot(world):
    world.app()
    job = world.submit(3, at=due(world, 60))
    world.advance(60)

    assert world.worker().tick().started == (job,)

    assert world.state(job) == "queued"
    assert world.worker().tick().started == ()


def test_a_scheduled_job_that_was_paused_and_resumed_before_its_time_is_scheduled_again(world):
    world.app()
    job = world.submit(3, at=due(world, 60))
    world.jobs.control(job, "pause", why="holiday")
    world.advance(30)
    assert world.worker().claim(8, 50).next_due is None

    assert world.jobs.control(job, "resume").state.value == "scheduled"
    assert world.claim() == []
    world.advance(30)

    assert len(world.run_all()) == 3
    world.audit(job)


def test_a_scheduled_job_that_is_resumed_after_its_time_runs_at_once(world):
    world.app()
    job = world.submit(3, at=due(world, 60))
    world.jobs.control(job, "pause")
    world.advance(61)
    assert world.claim() == []

    assert world.jobs.control(job, "resume").state.value == "queued"

    assert len(world.run_all()) == 3


def test_to_resume_a_scheduled_job_changes_nothing(world):
    world.app()
    job = world.submit(3, at=due(world, 60))
    version = world.jobs.get(job).version

    assert world.jobs.control(job, "resume").version == version


def test_a_cancelled_scheduled_job_never_runs(world):
    world.app()
    job = world.submit(3, at=due(world, 60))

    world.jobs.control(job, "cancel")
    world.advance(61)

    assert world.claim() == []
    assert world.counts(job).cancelled == 3
    assert world.redis.zcard(world.key("wait")) == 0


def test_a_job_whose_time_comes_while_its_app_is_stopped_is_paused_until_the_token_changes(world):
    world.app()
    job = world.submit(2, at=due(world, 60))
    world.submit(1)
    world.settle(report(world.begun(), again=[0], stop=("AUTHFAIL", "not this token")))
    assert world.state(job) == "scheduled"

    world.advance(61)
    world.worker().tick()
    assert world.jobs.get(job).paused == {"by": "auth_failure", "why": "not this token"}
    world.fleet.control("app", "acme/shop", "resume")

    assert world.state(job) == "queued"
    assert len(world.run_all()) == 3


def test_a_job_past_its_deadline_times_out_and_its_rest_was_not_attempted(world):
    world.app()
    job = world.submit(10, deadline=due(world, 60))
    world.finish(world.begun(items=4))
    world.advance(60)

    ticked = world.worker().tick()

    assert ticked.timed_out == ((job, "acme/shop"),)
    counts = world.counts(job)
    assert (world.state(job), counts.succeeded, counts.not_attempted) == ("timed_out", 4, 6)
    assert world.claim() == []
    assert world.worker().tick().timed_out == ()
    world.audit(job)


def test_what_is_in_flight_at_the_deadline_is_recorded(world):
    world.app()
    job = world.submit(4, deadline=due(world, 1))
    part = world.begun()
    world.advance(1)
    world.worker().tick()

    world.settle(report(part, {SUCCEEDED: [0, 1]}, back=[2, 3]))

    counts = world.counts(job)
    assert (counts.succeeded, counts.not_attempted, counts.in_flight) == (2, 2, 0)
    assert world.state(job) == "timed_out"
    world.audit(job)


def test_no_slice_begins_after_the_deadline_whoever_ticks(world):
    world.app()
    job = world.submit(4, deadline=due(world, 1))
    (part,) = world.claim()
    world.advance(1)

    assert isinstance(world.begin(part), Held)

    assert world.state(job) == "timed_out"
    assert world.claim() == []
    world.audit(job)


def test_a_slice_that_begins_before_the_deadline_starts_no_call_after_it(world):
    world.app()
    world.submit(4, deadline=due(world, 1))
    (part,) = world.claim()
    world.advance(0.9)

    assert world.begin(part).left == 100_000


@pytest.mark.parametrize("state", ["paused", "scheduled"])
def test_a_job_that_rests_times_out_too(world, state):
    world.app()
    job = world.submit(
        4, deadline=due(world, 60), at=due(world, 90) if state == "scheduled" else None
    )
    if state == "paused":
        world.jobs.control(job, "pause")
    assert world.state(job) == state

    world.advance(60)
    world.worker().tick()

    assert world.state(job) == "timed_out"


def test_a_job_that_is_sealed_after_its_deadline_times_out_at_once(world):
    world.app()

    job = world.submit(4, deadline=due(world, -1))

    assert world.state(job) == "timed_out"
    assert world.claim() == []


def test_a_job_that_ended_in_time_keeps_its_state_when_the_deadline_passes(world):
    world.app()
    job = world.submit(4, deadline=due(world, 60))
    world.run_all()

    world.advance(61)

    assert world.worker().tick().timed_out == ()
    assert world.state(job) == "completed"


def test_a_tick_does_a_bounded_part_and_the_next_one_the_rest(valkey_world):
    world = valkey_world
    world.app()
    for _ in range(250):
        world.submit(1, deadline=due(world, 60))
    world.advance(60)

    first, second, third = (len(world.worker().tick().timed_out) for _ in range(3))

    assert (first, second, third) == (200, 50, 0)


def test_the_lists_lose_a_job_when_the_store_has_forgotten_it(world):
    world.app()
    old, kept = world.submit(1), world.submit(1)
    world.run_all()
    world.redis.delete(world.key("job", old))
    world.advance(29 * DAY)
    assert world.worker().tick().forgotten == 0

    world.advance(2 * DAY)

    assert world.worker().tick().forgotten == 1
    assert [job.id for job in world.jobs.newest()] == [kept]
    for parts in (("jobs",), ("tenant", "acme", "jobs")):
        assert world.redis.zrange(world.key(*parts), 0, -1) == [kept.encode()]


def test_a_job_that_the_store_still_keeps_is_looked_at_again_later(world):
    world.app()
    job = world.submit(1)
    world.run_all()
    world.advance(31 * DAY)

    assert world.worker().tick().forgotten == 0

    assert world.redis.zscore(world.key("expiry"), f"acme {job}") > world.now
    assert world.jobs.newest()[0].id == job


def test_the_lists_lose_a_draft_that_was_never_sealed(world):
    world.app()
    draft = world.draft()
    world.redis.delete(world.key("job", draft.id))

    world.advance(UNSEALED_FOR + 1)

    assert world.worker().tick().forgotten == 1
    assert world.redis.zcard(world.key("jobs")) == 0


def test_a_job_that_runs_for_longer_than_a_draft_may_stays_in_the_lists(world):
    world.app()
    job = world.submit(1)

    world.advance(UNSEALED_FOR + 1)
    world.worker().tick()

    assert world.redis.zcard(world.key("expiry")) == 0
    assert [known.id for known in world.jobs.newest()] == [job]


def test_a_discarded_draft_leaves_nothing_to_forget(world):
    world.app()
    draft = world.draft()

    draft.discard()

    assert not world.redis.exists(world.key("expiry"), world.key("jobs"))


def test_a_key_belongs_to_its_job_until_the_job_is_forgotten_however_late_it_begins(world):
    world.app()
    job = world.submit(1, idempotency_key="k", at=due(world, 60 * DAY))
    name = world.key("idem", "acme", "k")

    assert world.redis.ttl(name) == -1
    assert world.submit(1, idempotency_key="k") == job

    world.advance(61 * DAY)
    world.run_all()
    assert world.state(job) == "completed"
    assert 0 < world.redis.ttl(name) <= RETENTION


def test_what_names_a_job_on_the_record_is_forgotten_with_it(world):
    world.app()
    jobs = [world.submit(1) for _ in range(2)]
    while parts := world.claim():
        for part in parts:
            world.begin(part)
            world.finish(part, done=[(f"user-of-{part.job}", "00000000000000aa", 0)])
    assert world.redis.hlen(world.key("serials")) == len(jobs)

    world.advance(31 * DAY)
    world.worker().tick()

    assert world.redis.hlen(world.key("serials")) == 0
    job = world.submit(1)
    (part,) = world.claim()
    asked = {part.lease: [(0, f"user-of-{jobs[0]}", "00000000000000aa")]}
    (begun,) = world.worker().begin([part.lease], asked)
    assert (part.job, begun.known[0].same, begun.known[0].job) == (job, True, "")
