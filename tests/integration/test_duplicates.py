"""Repeated rows of a job: skipped or failed before the seal, told with both lines, never called."""

import pytest

from bulkhead import client
from bulkhead.engine.draft import Draft, Request
from bulkhead.model.batch import Batch
from bulkhead.model.user import problem_of
from tests.fakes.engine import FAILED, PENDING, SKIPPED

COLUMNS = ["address", "name", "_code"]
MAPPING = {"width": 3, "address": 0, "name": 1}


def job_of(world, rows):
    """A job of these rows (a row with a fourth cell is bad), line 2 first. Returns its id."""
    request = Request("users.import", "acme", "acme/shop", columns=COLUMNS, mapping=MAPPING)
    draft = Draft(world.scripts, request, world.wall)
    bad = problem_of("ADDRESS_HAS_COMMA", "a comma")
    problems = {place: bad for place, row in enumerate(rows) if row[-1] == "bad"}
    cells = [[*row[:-1]] if place in problems else [*row] for place, row in enumerate(rows)]
    draft.take(Batch(range(2, len(rows) + 2), cells, problems))
    return draft.seal({"rows": len(rows)})


def test_the_first_runs_the_same_again_is_skipped_and_another_fails(world):
    world.app()

    job = job_of(
        world,
        [
            ("ann", "Ann", ""),
            ("bob", "Bob", ""),
            ("ann ", "Ann", "X"),
            ("ann", "Anna", ""),
        ],
    )

    assert world.map_of(job) == [PENDING, PENDING, SKIPPED, FAILED]
    found = {row.line: row for row in world.jobs.results(job)}
    assert (found[4].outcome, found[4].code) == ("skipped", "DUPLICATE_IN_FILE")
    assert (found[5].outcome, found[5].code) == ("failed", "CONFLICTING_ROWS")
    assert all("line 2" in row.message for row in found.values())
    assert "Line 4" in found[4].message
    world.audit(job)
    assert [index for _, index in world.run_all()] == [0, 1]
    counts = world.counts(job)
    assert (counts.succeeded, counts.skipped, counts.failed) == (2, 1, 1)
    assert world.state(job) == "completed_with_errors"
    codes = {entry.code: entry.first_lines for entry in world.jobs.get(job).errors_by_code}
    assert codes == {"DUPLICATE_IN_FILE": (4,), "CONFLICTING_ROWS": (5,)}


def test_a_job_whose_repeats_were_only_skipped_is_completed(world):
    world.app()

    job = job_of(world, [("ann", "", "")] * 3)
    world.run_all()

    assert world.state(job) == "completed"
    assert world.counts(job).skipped == 2


def test_bad_rows_take_no_part(world):
    world.app()

    job = job_of(world, [("ann", "A", "bad"), ("ann", "B", ""), ("ann", "A", "bad")])

    assert world.map_of(job) == [FAILED, PENDING, FAILED]


@pytest.mark.parametrize("distance", [1, 999, 1000, 2500])
def test_rows_of_other_segments_are_found(world, distance):
    world.app()
    rows = [(f"user{row}", "", "") for row in range(distance)]

    job = job_of(world, [*rows, *rows, ("user0", "other", "")])

    assert world.counts(job).skipped == distance
    assert world.counts(job).failed == 1
    assert world.counts(job).pending == distance
    assert len(list(world.jobs.results(job))) == distance + 1
    world.audit(job)


def test_a_job_without_addresses_may_say_the_same_twice(world):
    world.app()
    request = Request("call", "acme", "acme/shop")
    draft = Draft(world.scripts, request, world.wall)
    draft.take(Batch([1, 2], [["the same"], ["the same"]], {}))

    job = draft.seal({"rows": 2})

    assert world.counts(job).pending == 2


def test_every_door_has_it_for_it_is_part_of_the_one_submit(world):
    world.app()
    request = Request("users.import", "acme", "acme/shop", columns=COLUMNS, mapping=MAPPING)
    entries = [client.Entry(line, ["ann", "", ""]) for line in (1, 2)]

    job = client.submit(world.scripts, request, entries, dict)

    assert (job.counts.pending, job.counts.skipped) == (1, 1)
