"""A retry is a new job of exactly the rows that were chosen, and doubles nothing by itself."""

import pytest

from bulkhead import retrying
from bulkhead.engine.draft import Request
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.ordering import Options
from bulkhead.retrying import Choice
from bulkhead.submitting import Entry, submit
from tests.fakes.engine import FAILED, SUCCEEDED, UNKNOWN, report


@pytest.fixture
def world(valkey_world):
    valkey_world.app()
    return valkey_world


def ran(world, states, **request):
    """A job whose items ended in these states; None: never tried. Its id."""
    job = world.submit(len(states), **request)
    tried = [n for n, state in enumerate(states) if state is not None]
    part = world.begun()
    told = {}
    for index in tried:
        told.setdefault(states[index], []).append(index)
    codes = {FAILED: "REFUSED", UNKNOWN: "NOT_CONFIRMED"}
    news = report(part, told)
    news.codes = {
        codes[state]: [index + 2 for index in items]
        for state, items in told.items()
        if state in codes
    }
    for row in news.rows:
        row[3] = codes.get(row[1], "")
    news.back = [n for n, state in enumerate(states) if state is None]
    news.left = ""
    world.settle(news)
    return job


def lines(world, job):
    total = world.counts(job).total
    return [row[0] for n in range(-(-total // 1000)) for row in world.jobs.segment(job, n)]


def test_what_failed_runs_again_under_its_line_numbers_as_a_child_of_the_old_job(world):
    old = ran(world, [SUCCEEDED, FAILED, UNKNOWN, FAILED], labels={"source": "hr"})

    new = retrying.retry(world.scripts, old)

    assert (new.parent, new.kind, new.app) == (old, "users.import", "acme/shop")
    assert (new.state, new.counts.total, new.counts.pending) == ("queued", 2, 2)
    assert lines(world, new.id) == [3, 5]
    assert new.labels == {"source": "hr"}
    assert world.jobs.columns(new.id) == world.jobs.columns(old)


ASKED = {
    "rate": 5.0,
    "priority": "bulk",
    "labels": {"source": "hr", "wave": "1"},
    "max_failures": "75%",
    "max_attempts": 3,
    "retry_first": 0.5,
    "retry_longest": 9.5,
    "give_up_after": 3600.0,
}
LIMITS = (
    *("rate", "weight", "max_failures_asked", "max_attempts"),
    *("retry_first", "retry_longest", "retry_give_up_after"),
)


def test_a_retry_is_limited_as_its_parent_was_in_all_that_it_is_not_asked_otherwise(world):
    old = world.submit(4, refused={1, 2, 3}, **ASKED)
    others = Options(
        rate="1/s",
        priority="urgent",
        labels={"wave": "2"},
        max_failures="0",
        max_attempts=1,
        retry_first=1,
        retry_longest=2,
        give_up_after=60,
    )

    same = retrying.retry(world.scripts, old)
    other = retrying.retry(world.scripts, old, options=others)

    kept, inherited, own = (world.jobs.fields(job) for job in (old, same.id, other.id))
    assert [inherited[name] for name in LIMITS] == [kept[name] for name in LIMITS]
    assert [kept[name] for name in LIMITS] == ["5", "1", "75%", "3", "0.5", "9.5", "3600.0"]
    assert [own[name] for name in LIMITS] == ["1", "16", "0", "1", "1", "2", "60"]
    assert (kept["max_failures"], inherited["max_failures"]) == ("3", "2")
    assert same.labels == ASKED["labels"]
    assert other.labels == {"source": "hr", "wave": "2"}
    assert [inherited[name] for name in ("idempotency_key", "at", "deadline")] == ["", "", ""]


def test_what_a_cancel_left_runs_again_too(world):
    old = ran(world, [SUCCEEDED, None, FAILED, None])
    world.jobs.control(old, "cancel")

    everything = retrying.retry(world.scripts, old)
    left = retrying.retry(world.scripts, old, Choice("not_attempted"))
    failed = retrying.retry(world.scripts, old, Choice("failed"))

    assert lines(world, everything.id) == [3, 4, 5]
    assert lines(world, left.id) == [3, 5]
    assert lines(world, failed.id) == [4]


def test_of_a_job_that_runs_only_settled_rows_are_taken(world):
    old = ran(world, [SUCCEEDED, None, FAILED, None])

    new = retrying.retry(world.scripts, old)

    assert lines(world, new.id) == [4]
    with pytest.raises(InvalidInput):
        retrying.retry(world.scripts, old, Choice("not_attempted"))


def test_unknown_rows_run_again_only_when_they_are_asked_for(world):
    old = ran(world, [SUCCEEDED, UNKNOWN, FAILED])

    new = retrying.retry(world.scripts, old, Choice("unknown"))

    assert lines(world, new.id) == [3]
    assert lines(world, retrying.retry(world.scripts, old).id) == [4]


def test_rows_are_chosen_by_their_code(world):
    old = ran(world, [FAILED, UNKNOWN, SUCCEEDED])

    refused = retrying.retry(world.scripts, old, Choice("REFUSED"))
    unconfirmed = retrying.retry(world.scripts, old, Choice("NOT_CONFIRMED"))

    assert lines(world, refused.id) == [2]
    assert lines(world, unconfirmed.id) == [3]


@pytest.mark.parametrize("only", [None, "failed", "unknown", "THROTTLED"])
def test_nothing_to_retry_is_said_and_makes_no_job(world, only):
    old = ran(world, [SUCCEEDED, SUCCEEDED])

    with pytest.raises(InvalidInput, match="nothing to retry"):
        retrying.retry(world.scripts, old, Choice(only))

    assert [job.id for job in world.jobs.newest()] == [old]


def test_a_bad_row_is_checked_again_and_a_conflicting_one_left_out_unless_it_is_named(world):
    asked = Request("users.import", "acme", "acme/shop", ["address"], {"width": 1, "address": 0})
    rows = [
        Entry(2, ["ann"]),
        Entry(3, ["ann,bob"], "ADDRESS_HAS_COMMA", "a comma"),
        Entry(4, ["ann"], "CONFLICTING_ROWS", "as line 2"),
    ]
    old = submit(world.scripts, asked, rows, dict)
    world.run_all()

    again = retrying.retry(world.scripts, old.id)
    named = retrying.retry(world.scripts, old.id, Choice("CONFLICTING_ROWS"))

    assert (again.state, again.counts.failed, lines(world, again.id)) == ("rejected", 1, [3])
    assert (named.state, named.counts.pending, lines(world, named.id)) == ("queued", 1, [4])


def test_while_the_last_calls_of_a_cancelled_job_are_in_flight_nothing_can_be_retried(world):
    old = world.submit(4)
    world.begun()
    world.jobs.control(old, "cancel")

    with pytest.raises(Conflict, match="cannot be retried now"):
        retrying.retry(world.scripts, old)


def test_a_job_that_is_still_read_cannot_be_retried(world):
    draft = world.draft()

    with pytest.raises(Conflict, match="cannot be retried now"):
        retrying.retry(world.scripts, draft.id)


def test_a_retry_of_many_rows_takes_them_from_every_segment(world):
    old = world.submit(2500, refused={0, 999, 1000, 2499})
    world.jobs.control(old, "cancel")

    new = retrying.retry(world.scripts, old, Choice("failed"))

    assert lines(world, new.id) == [2, 1001, 1002, 2501]
    assert retrying.retry(world.scripts, old).counts.total == 2500


def test_the_same_retry_asked_for_twice_with_a_key_is_one_job(world):
    old = ran(world, [FAILED, SUCCEEDED])
    options = Options(idempotency_key="again")

    first = retrying.retry(world.scripts, old, options=options)
    second = retrying.retry(world.scripts, old, options=options)

    assert first.id == second.id


@pytest.mark.parametrize(
    ("repeat", "params", "only", "doubles"),
    [
        ("safe", {}, "unknown", False),
        ("safe", {"tokens": "missing"}, "unknown", True),
        ("once", {}, "unknown", True),
        ("once", {}, "NOT_CONFIRMED", True),
        ("check", {}, "unknown", True),
        ("once", {}, "failed", False),
        ("once", {}, None, False),
    ],
)
def test_only_a_second_call_that_somebody_could_see_needs_a_yes(
    world, repeat, params, only, doubles
):
    old = world.submit(1, repeat=repeat, params=params)

    assert retrying.may_double(world.scripts, old, Choice(only)) is doubles


def test_a_word_that_chooses_no_rows_is_named():
    with pytest.raises(InvalidInput, match="'everything' chooses no rows"):
        Choice("everything")
