"""How many failures a job bears before it waits for a person."""

import pytest

from tests.fakes.engine import FAILED, SKIPPED, SUCCEEDED, UNKNOWN, report


def fail(world, items):
    """Run so many items of the only job, and let all of them fail."""
    world.finish(world.begun(items=items), FAILED)


def test_one_failure_more_than_it_bears_pauses_a_job_and_says_the_numbers(world):
    world.app()
    job = world.submit(20, max_failures="2")
    fail(world, 2)
    assert world.state(job) == "running"

    fail(world, 1)

    assert world.jobs.get(job).paused == {
        "by": "error_budget",
        "why": "3 of 20 rows have failed: more than the 2 allowed",
    }
    assert world.claim() == []
    world.audit(job)


def test_a_part_of_the_rows_is_a_number_of_rows(world):
    world.app()
    job = world.submit(40, max_failures="5%")

    fail(world, 2)
    assert world.state(job) == "running"
    fail(world, 1)

    assert world.state(job) == "paused"


def test_only_failed_rows_count(world):
    world.app()
    job = world.submit(9, max_failures="0")

    for state in (SUCCEEDED, SKIPPED, UNKNOWN):
        world.finish(world.begun(items=2), state)

    assert world.state(job) == "running"


def test_who_resumes_a_job_gives_it_as_many_failures_again(world):
    world.app()
    job = world.submit(20, max_failures="2")
    fail(world, 3)

    world.jobs.control(job, "resume")
    fail(world, 2)
    assert world.state(job) == "running"
    fail(world, 1)

    why = world.jobs.get(job).paused["why"]
    assert (
        why == "6 of 20 rows have failed, 3 of them since it was resumed: more than the 2 allowed"
    )


def test_a_pause_by_a_person_gives_no_new_failures(world):
    world.app()
    job = world.submit(20, max_failures="2")
    fail(world, 2)
    world.jobs.control(job, "pause")
    world.jobs.control(job, "resume")

    fail(world, 1)

    assert world.state(job) == "paused"


def test_rows_that_were_bad_from_the_start_count_and_nothing_is_sent(world):
    world.app()

    job = world.submit(10, refused={1, 2, 3}, max_failures="2")

    assert world.jobs.get(job).paused["by"] == "error_budget"
    assert world.claim() == []
    world.jobs.control(job, "resume")
    assert len(world.run_all()) == 7
    assert world.state(job) == "completed_with_errors"


def test_a_job_without_a_valid_row_is_rejected_whatever_it_bears(world):
    world.app()

    assert world.state(world.submit(2, refused={0, 1}, max_failures="0")) == "rejected"


def test_a_job_whose_last_items_fail_is_over_and_not_paused(world):
    world.app()
    job = world.submit(3, max_failures="2")

    fail(world, 3)

    assert world.state(job) == "completed_with_errors"


def test_what_is_in_flight_when_a_job_is_paused_still_counts(world):
    world.app()
    job = world.submit(8, max_failures="0")
    first, second = world.begun(items=2), world.begun(items=2)
    world.finish(first, FAILED)

    world.settle(report(second, {FAILED: [2], SUCCEEDED: [3]}))

    counts = world.counts(job)
    assert (counts.failed, counts.succeeded, counts.pending) == (3, 1, 4)
    assert world.state(job) == "paused"
    world.audit(job)


@pytest.mark.parametrize("seconds", [60, -60])
def test_a_scheduled_job_with_too_many_bad_rows_waits_for_a_person_first(world, seconds):
    world.app()
    at = world.wall() + 60
    job = world.submit(3, refused={0}, max_failures="0", at=at)
    world.advance(60 - seconds)

    assert world.state(job) == "paused"
    resumed = world.jobs.control(job, "resume").state.value

    assert resumed == ("scheduled" if seconds > 0 else "queued")
