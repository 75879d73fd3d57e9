"""What a tenant may have open at a time."""

import pytest

from bulkhead.errors import Conflict
from bulkhead.model.quota import Quotas


def limit(world, tenant="acme", **quotas):
    world.fleet.set_tenant(tenant, quotas=quotas)


def test_a_job_too_many_is_refused_with_the_numbers_and_nothing_of_it_is_left(world):
    world.app()
    limit(world, max_open_jobs=1)
    first = world.submit(3)
    keys = set(world.redis.keys())
    expiry = world.redis.zrange(world.key("expiry"), 0, -1)

    with pytest.raises(Conflict) as refused:
        world.submit(2500)

    assert refused.value.in_three_lines().splitlines() == [
        "error: this job is more than the quota of tenant acme allows",
        "why: it may have 1 open jobs at a time, and this would be number 2",
        "to do: wait until jobs end, or cancel one; see `bulkhead tenants show acme`",
    ]
    assert set(world.redis.keys()) == keys
    assert world.redis.zrange(world.key("expiry"), 0, -1) == expiry
    assert [job.id for job in world.jobs.newest()] == [first]


def test_items_count_until_their_job_has_ended(world):
    world.app()
    limit(world, max_open_items=10)
    world.submit(6)
    with pytest.raises(Conflict, match="quota") as refused:
        world.submit(5)
    assert refused.value.why == (
        "it may have 10 open items at a time, and with these there would be 11"
    )
    assert world.fleet.tenant("acme").open_items == 6

    world.run_all()

    assert world.fleet.tenant("acme").open_items == 0
    world.submit(10)
    assert (world.fleet.tenant("acme").open_jobs, world.fleet.tenant("acme").open_items) == (1, 10)


def test_a_job_with_too_many_items_is_refused(world):
    world.app()
    limit(world, max_items_per_job=10)
    world.submit(10)

    with pytest.raises(Conflict) as refused:
        world.submit(11)

    assert refused.value.why == "it may have 10 items a job, and this one has 11"
    assert refused.value.to_do == "split the input; see `bulkhead tenants show acme`"


@pytest.mark.parametrize("end", ["cancel", "deadline", "reject"])
def test_every_end_of_a_job_makes_room_for_another(world, end):
    world.app()
    limit(world, max_open_jobs=1, max_open_items=2)
    refused = {0, 1} if end == "reject" else ()
    deadline = world.wall() + 1 if end == "deadline" else None
    job = world.submit(2, refused=refused, deadline=deadline)
    if end == "cancel":
        world.jobs.control(job, "cancel")
    world.advance(2)
    world.worker().tick()

    assert world.submit(2)


def test_a_paused_job_keeps_its_place(world):
    world.app()
    limit(world, max_open_jobs=1)
    job = world.submit(2)
    world.jobs.control(job, "pause")

    with pytest.raises(Conflict):
        world.submit(1)


def test_the_same_request_again_is_the_same_job_also_where_there_is_no_room(world):
    world.app()
    limit(world, max_open_jobs=1)
    job = world.submit(2, idempotency_key="k")

    assert world.submit(2, idempotency_key="k") == job


def test_one_tenants_quota_is_nothing_to_another(world):
    world.app()
    world.app("other/shop")
    limit(world, max_open_jobs=1)
    world.submit(1)

    assert world.submit(1, "other/shop")
    assert world.submit(1, "other/shop")


def test_a_quota_that_is_lifted_holds_no_more_and_the_others_stay(world):
    world.app()
    limit(world, max_open_jobs=1, max_items_per_job=5)
    world.submit(1)

    limit(world, max_open_jobs=None)

    assert world.submit(1)
    assert world.fleet.tenant("acme").quotas == Quotas(max_items_per_job=5)
