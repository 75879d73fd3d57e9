"""Submit: a job exists whole or not at all, once for each key."""

import pytest

from bulkhead.engine.draft import FLUSH_EVERY
from bulkhead.engine.packing import SEGMENT
from bulkhead.engine.refusal import UNSEALED_FOR
from bulkhead.errors import Conflict, InvalidInput, NotFound
from tests.fakes.engine import FAILED, PENDING

PARTLY_WRITTEN = (FLUSH_EVERY + 4) * SEGMENT
"""Rows of which some are in the store before the draft is sealed."""


def test_a_sealed_job_is_queued_with_every_item_pending(world):
    world.app()

    job = world.submit(1001)

    assert world.state(job) == "queued"
    assert world.counts(job).pending == world.counts(job).total == 1001
    assert len(world.run_all()) == 1001
    assert world.state(job) == "completed"
    world.audit(job)


def test_the_same_key_and_content_is_the_same_job_and_leaves_no_draft_behind(world):
    world.app()
    first = world.submit(1500, idempotency_key="monday")
    keys = set(world.redis.keys("*:job:*"))

    again = world.submit(1500, idempotency_key="monday")

    assert again == first
    assert set(world.redis.keys("*:job:*")) == keys
    assert [job.id for job in world.jobs.newest()] == [first]


def test_the_same_key_is_the_same_job_after_its_end(world):
    world.app()
    first = world.submit(2, idempotency_key="monday")
    world.run_all()

    assert world.submit(2, idempotency_key="monday") == first
    assert world.state(first) == "completed"


def test_the_same_key_with_other_content_is_a_conflict_that_names_the_job(world):
    world.app()
    first = world.submit(3, idempotency_key="monday")

    with pytest.raises(Conflict) as refused:
        world.submit(4, idempotency_key="monday")

    assert first in refused.value.why
    assert [job.id for job in world.jobs.newest()] == [first]


def test_two_tenants_may_use_the_same_key(world):
    world.app("acme/shop")
    world.app("other/shop")

    jobs = {world.submit(1, app, idempotency_key="k") for app in ("acme/shop", "other/shop")}

    assert len(jobs) == 2


def test_refused_rows_are_failed_from_the_start_and_never_claimed(world):
    world.app()
    refused = {0, 1, 2, 7, 64, 99}

    job = world.submit(100, refused=refused)

    assert world.counts(job).failed == 6
    assert [code.count for code in world.jobs.get(job).errors_by_code] == [6]
    assert [row.line for row in world.jobs.results(job)] == [2, 3, 4, 9, 66, 101]
    ran = world.run_all()
    assert sorted(index for _, index in ran) == sorted(set(range(100)) - refused)
    assert world.state(job) == "completed_with_errors"
    world.audit(job)


def test_thousands_of_refused_rows_before_a_good_one_hide_it_not(world):
    world.app()

    job = world.submit(3001, refused=range(3000))

    assert world.run_all() == [(job, 3000)]


def test_a_job_of_refused_rows_only_is_rejected_and_can_be_read(world):
    world.app()

    job = world.submit(3, refused={0, 1, 2})

    assert world.state(job) == "rejected"
    assert world.counts(job).failed == 3
    assert world.claim() == []
    assert len(list(world.jobs.results(job))) == 3


def test_submit_sent_twice_answers_the_same_and_changes_nothing(world):
    world.app()
    draft = world.draft(idempotency_key="monday")
    world.fill(draft, 10, refused={3})
    job = draft.seal({"rows": 10})
    before = world.jobs.get(job)

    assert draft.seal({"rows": 10}) == job

    assert world.jobs.get(job) == before
    world.audit(job)


def test_a_draft_that_is_never_sealed_expires(world):
    world.app()
    draft = world.draft()
    world.fill(draft, PARTLY_WRITTEN, refused={5})

    ages = {name: world.redis.ttl(name) for name in world.redis.keys(f"*{draft.id}*")}

    assert len(ages) > 1
    assert all(0 < seconds <= UNSEALED_FOR for seconds in ages.values())


@pytest.mark.parametrize("lost", ["", ":seg:0", ":seg:1"])
def test_a_draft_of_which_a_part_expired_is_refused_whole(world, lost):
    world.app()
    draft = world.draft(idempotency_key="monday")
    world.fill(draft, PARTLY_WRITTEN)
    world.redis.delete(world.key("job", draft.id) + lost)

    with pytest.raises(InvalidInput, match="too long"):
        draft.seal({"rows": PARTLY_WRITTEN})

    assert world.claim() == []
    assert world.redis.keys(f"*{draft.id}*") == []
    assert world.submit(1, idempotency_key="monday")


def test_a_job_for_an_app_that_was_removed_is_refused_and_leaves_nothing(world):
    world.app()
    draft = world.draft()
    world.fill(draft, 3)
    world.fleet.remove_app("acme/shop")

    with pytest.raises(NotFound, match="acme/shop"):
        draft.seal({"rows": 3})

    assert world.redis.keys(f"*{draft.id}*") == []


def test_a_draft_can_be_cancelled_but_not_paused(world):
    world.app()
    draft = world.draft()
    world.fill(draft, 3)

    with pytest.raises(Conflict):
        world.jobs.control(draft.id, "pause")
    world.jobs.control(draft.id, "cancel")

    assert draft.seal({"rows": 3}) == draft.id
    assert world.state(draft.id) == "cancelled"
    assert world.claim() == []


def test_an_abandoned_draft_leaves_nothing(world):
    world.app()
    draft = world.draft()
    world.fill(draft, 2500, refused={1})

    draft.abandon()

    assert world.redis.keys(f"*{draft.id}*") == []
    assert world.jobs.newest() == []


def test_what_a_sealed_job_keeps_does_not_expire(world):
    world.app()

    job = world.submit(2500, refused={1})

    assert {world.redis.ttl(name) for name in world.redis.keys(f"*:job:{job}*")} == {-1}
    assert world.map_of(job)[:3] == [PENDING, FAILED, PENDING]
