"""What a job wants done about calls that were sent and never confirmed: hold, resend, drop."""

import pytest

from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.ranges import indexes
from bulkhead.retrying import Choice, prepare
from tests.fakes.engine import FAILED, PENDING, SUCCEEDED, UNKNOWN, report
from tests.integration.test_engine_reap import die

ONCE = {"kind": "users.tokens.issue", "repeat": "once"}


def asked(world, policy, items=4, **more):
    """A job of calls that may not be repeated, with a policy."""
    world.app()
    return world.submit(items, on_unknown=policy, **ONCE, **more)


def died_in_flight(world, policy, **more):
    """Its first slice begun, and lost with its worker; what the reaper said."""
    job = asked(world, policy, **more)
    part = world.begun()
    _, (told,) = die(world, "w1", "w2")
    return job, part, told


@pytest.mark.parametrize(
    ("policy", "state"), [("hold", UNKNOWN), ("", UNKNOWN), ("resend", PENDING), ("drop", FAILED)]
)
def test_what_died_with_its_worker_becomes_what_the_job_wants(world, policy, state):
    job, part, told = died_in_flight(world, policy)

    lost = list(indexes(part.ranges))
    assert [world.map_of(job)[index] for index in lost] == [state] * len(lost)
    assert (told.again, told.unknown) == ((len(lost), 0) if policy == "resend" else (0, len(lost)))
    assert told.dropped is (policy == "drop")
    world.audit(job)


def test_what_is_sent_again_is_claimed_at_a_step_that_says_so_and_may_succeed(world):
    job, part, _ = died_in_flight(world, "resend")

    (again,) = [one for one in world.claim("w2") if one.step]

    assert (again.step, again.operation, again.ranges) == ("!", "", part.ranges)
    assert again.marks
    world.begin(again, "w2")
    world.finish(again, worker="w2")
    world.run_all("w2")
    assert world.state(job) == "completed"
    world.audit(job)


@pytest.mark.parametrize("end", ["cancel", "deadline"])
def test_what_waits_to_be_sent_again_when_its_job_ends_is_unknown_and_not_unsent(world, end):
    more = {"deadline": world.wall() + 60} if end == "deadline" else {}
    job, part, _ = died_in_flight(world, "resend", **more)
    lost = len(list(indexes(part.ranges)))

    if end == "cancel":
        world.jobs.control(job, "cancel")
    else:
        world.advance(60)
        world.worker("w2").tick()

    counts = world.counts(job)
    assert counts.unknown == lost
    assert counts.cancelled + counts.not_attempted == 4 - lost
    world.audit(job)


def test_a_retry_of_what_was_sent_is_unknown_if_its_job_ends_first(world):
    job = asked(world, "resend", items=1)
    part = world.begun()
    world.settle(report(part, retries=[(0, 5_000_000, 1, 1, "!")]))

    world.jobs.control(job, "cancel")

    assert world.counts(job).unknown == 1
    world.audit(job)


def test_what_kills_every_worker_that_sends_it_again_is_unknown_in_the_end(world):
    job = asked(world, "resend", items=1)
    told = None
    for death in range(12):
        world.begun(f"w{death}")
        _, (told,) = die(world, f"w{death}", f"w{death + 1}")
        if not told.again:
            break

    assert (told.unknown, told.failed) == (1, 0)
    assert world.state(job) == "completed_with_errors"
    world.audit(job)


def test_dropped_rows_are_failed_rows_everywhere(world):
    job, _part, _ = died_in_flight(world, "drop", items=1)

    document = world.jobs.get(job)
    (row,) = world.jobs.results(job)

    assert (document.counts.failed, document.counts.unknown) == (1, 0)
    assert (document.state.value, document.on_unknown) == ("completed_with_errors", "drop")
    assert [(one.code, one.count) for one in document.errors_by_code] == [("NOT_CONFIRMED", 1)]
    assert (row.outcome, row.code) == ("failed", "NOT_CONFIRMED")
    assert row.message.endswith("counted as failed, as its job was told to")
    assert "carried out all the same" in row.hint


def test_dropped_rows_count_against_the_failures_that_a_job_bears(world):
    job = asked(world, "drop", items=50, max_failures="0")
    world.begun(slots=2)
    die(world, "w1", "w2")

    assert world.jobs.get(job).paused["by"] == "error_budget"


def test_a_late_success_replaces_what_was_dropped_and_a_late_refusal_does_not(world):
    job, part, _ = died_in_flight(world, "drop", items=2)
    first, second = indexes(part.ranges)
    told = report(part, {SUCCEEDED: [first], FAILED: [second]})

    answers = [world.worker("w3").settle([told])[0].verdict for _ in range(2)]

    counts = world.counts(job)
    assert answers == ["late", "late"]
    assert (counts.succeeded, counts.failed, counts.unknown) == (1, 1, 0)
    rows = {row.line: (row.outcome, row.code) for row in world.jobs.results(job)}
    assert rows == {2: ("succeeded", None), 3: ("failed", "NOT_CONFIRMED")}
    assert [one.count for one in world.jobs.get(job).errors_by_code] == [1]
    world.audit(job)


def test_a_late_answer_replaces_no_row_that_failed_for_another_reason(world):
    world.app()
    job = world.submit(2, refused=[1], on_unknown="drop", **ONCE)
    part = world.begun()
    die(world, "w1", "w2")

    world.worker("w3").settle([report(part, {SUCCEEDED: [0, 1]})])

    assert world.map_of(job) == [SUCCEEDED, FAILED]


def test_what_was_looked_for_when_a_dropping_job_ends_is_failed(world):
    world.app()
    job = world.submit(1, kind="users.delete", repeat="check", on_unknown="drop")
    world.begun()
    die(world, "w1", "w2")

    world.jobs.control(job, "cancel")

    counts = world.counts(job)
    assert (counts.failed, counts.unknown, counts.cancelled) == (1, 0, 0)
    world.audit(job)


def test_the_same_key_with_another_policy_is_a_conflict(world):
    world.app()
    first = world.submit(1, idempotency_key="k", **ONCE)

    assert world.submit(1, idempotency_key="k", on_unknown="hold", **ONCE) == first
    with pytest.raises(Conflict):
        world.submit(1, idempotency_key="k", on_unknown="resend", **ONCE)


@pytest.mark.parametrize("kind", ["creds.upload", "creds.rotate", "creds.test"])
def test_kinds_whose_steps_decide_take_no_policy(world, kind):
    world.app()

    with pytest.raises(InvalidInput, match="takes no policy"):
        world.submit(1, kind=kind, on_unknown="resend")


def test_a_retry_keeps_the_policy_and_leaves_dropped_rows_out_unless_they_are_named(world):
    job, _, _ = died_in_flight(world, "drop", items=1)

    with pytest.raises(InvalidInput, match="nothing to retry"):
        prepare(world.scripts, job)
    again = prepare(world.scripts, job, Choice("NOT_CONFIRMED"))

    assert again.request.on_unknown == "drop"
