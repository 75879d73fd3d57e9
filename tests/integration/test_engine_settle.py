"""Settle: the only way an item leaves `in flight`."""

import pytest

from bulkhead.engine.fleet import SealedToken
from bulkhead.errors import Conflict
from tests.fakes.engine import FAILED, SKIPPED, SUCCEEDED, UNKNOWN, report


def test_every_outcome_is_counted_and_ends_the_job(world):
    world.app()
    job = world.submit(6)
    part = world.begun()

    told = report(part, {SUCCEEDED: [0, 1, 2], SKIPPED: [3], FAILED: [4], UNKNOWN: [5]})
    told.codes = {"BADUSER": [6]}
    answer = world.settle(told)

    counts = world.counts(job)
    assert (counts.succeeded, counts.skipped, counts.failed, counts.unknown) == (3, 1, 1, 1)
    assert answer.job_state == world.state(job) == "completed_with_errors"
    assert world.jobs.get(job).errors_by_code[0].first_lines == (6,)
    assert world.leases() == []
    world.audit(job)


def test_a_report_sent_twice_changes_nothing(world):
    world.app()
    job = world.submit(4)
    part = world.begun()
    partial = report(part, {SUCCEEDED: [0]}, last=False)
    final = report(part, {SUCCEEDED: [1], FAILED: [2, 3]}, seq=2)
    final.left = ""

    verdicts = [world.settle(told).verdict for told in (partial, partial, final, final)]

    assert verdicts == ["ok", "repeated", "ok", "repeated"]
    assert world.counts(job).succeeded == 2
    assert len(list(world.jobs.results(job))) == 4
    world.audit(job)


def test_a_partial_report_leaves_the_rest_in_flight(world):
    world.app()
    job = world.submit(4)
    part = world.begun()

    world.settle(report(part, {SUCCEEDED: [1, 2]}, last=False))

    assert world.counts(job).in_flight == 2
    assert world.leases()[0]["left"] == "0-0,3-3"
    assert world.app_now()["held"] == str(part.parallel)
    world.audit(job)


def test_another_worker_cannot_settle_a_lease(world):
    world.app()
    job = world.submit(2)
    part = world.begun("w1")

    assert world.finish(part, worker="w2").verdict == "late"
    assert world.counts(job).in_flight == 2


def test_a_lease_that_never_began_cannot_be_settled(world):
    world.app()
    job = world.submit(2)
    (part,) = world.claim()

    assert world.finish(part).verdict == "late"
    assert world.counts(job).pending == 2


def test_an_item_to_be_retried_runs_again_when_it_is_due_and_not_before(world):
    world.app()
    job = world.submit(1)
    world.settle(report(world.begun(), retries=[(0, 5_000_000, 1, 7, "")]))

    assert world.worker().claim(8, 50).next_due == pytest.approx(5)
    world.advance(4.9)
    assert world.claim() == []
    world.advance(0.1)

    world.finish(world.begun())
    assert world.state(job) == "completed"
    assert world.jobs.get(job).attempts["retries"] == 1
    world.audit(job)


def test_a_retry_that_falls_due_while_its_job_is_paused_runs_after_the_pause(world):
    world.app()
    job = world.submit(1)
    world.settle(report(world.begun(), retries=[(0, 1_000_000, 1, 7, "")]))
    world.jobs.control(job, "pause")
    world.advance(5)
    assert world.claim() == []

    world.jobs.control(job, "resume")

    assert len(world.claim()) == 1
    world.audit(job)


def test_a_retry_of_a_cancelled_job_is_forgotten(world):
    world.app()
    job = world.submit(2)
    part = world.begun()
    world.jobs.control(job, "cancel")

    world.settle(report(part, {SUCCEEDED: [0]}, retries=[(1, 0, 1, 7, "")], codes={"X": [3]}))

    counts = world.counts(job)
    assert (counts.succeeded, counts.cancelled, counts.in_flight) == (1, 1, 0)
    assert world.claim() == []
    assert -1 not in {world.redis.ttl(name) for name in world.redis.keys(f"*:job:{job}*")}
    world.audit(job)


def test_items_that_were_not_sent_come_back_with_their_permits(world):
    world.app(rate=20, burst=40)
    job = world.submit(10)
    part = world.begun(slots=3)

    world.settle(report(part, {SUCCEEDED: [0]}, back=[1, 2]))

    assert world.app_now()["permits_returned"] == "2"
    assert world.redo(job) == [1, 2]
    world.audit(job)


def test_an_app_that_a_worker_cannot_read_rests_exactly_as_long_as_it_says(world):
    world.app("acme/shop")
    world.app("acme/other")
    job = world.submit(1)
    world.submit(1, "acme/other")
    parts = {part.app: part for part in world.claim()}
    for part in parts.values():
        world.begin(part)

    world.settle(report(parts["acme/shop"], again=[0], cool=1_000_000))
    world.finish(parts["acme/other"])

    assert world.claim() == []
    world.submit(1, "acme/other")
    assert [part.app for part in world.claim()] == ["acme/other"]
    world.advance(1)
    (part,) = world.claim()
    assert world.begin(part).tries == {}
    world.audit(job)


def test_a_refused_token_pauses_every_open_job_of_that_app_and_no_other(world):
    world.app("acme/shop")
    world.app("acme/other")
    jobs = [world.submit(5) for _ in range(3)]
    other = world.submit(5, "acme/other")
    parts = world.claim()
    for part in parts:
        world.begin(part)
    mine = next(part for part in parts if part.job == jobs[0])

    world.settle(report(mine, again=list(range(5)), stop=("TOKENBREACH", "not accepted")))

    for job in jobs:
        document = world.jobs.get(job)
        assert document.state.value == "paused"
        assert document.paused == {"by": "auth_failure", "why": "not accepted"}
    assert world.state(other) == "running"
    app = world.fleet.app("acme/shop")
    assert (app.state, app.code) == ("stopped", "TOKENBREACH")
    with pytest.raises(Conflict, match="resume"):
        world.jobs.control(jobs[0], "resume")
    world.audit(*jobs, other)


def test_a_new_token_resumes_the_jobs_that_the_old_one_paused_and_no_others(world):
    world.app()
    waits, theirs = world.submit(5), world.submit(5)
    world.jobs.control(theirs, "pause")
    world.settle(report(world.begun(), again=list(range(5)), stop=("AUTHFAIL", "no")))

    world.fleet.set_token("acme/shop", SealedToken("new box", "9999", "beef"))

    assert world.state(waits) == "running"
    assert world.state(theirs) == "paused"
    assert world.run_all() == [(waits, index) for index in range(5)]


def test_a_call_that_carried_the_old_token_does_not_stop_the_app_again(world):
    world.app()
    job = world.submit(50)
    (part,) = world.claim(items=5)
    version = world.begin(part).app_version
    world.fleet.set_token("acme/shop", SealedToken("new box", "9999", "beef"))

    told = report(part, again=list(range(5)), stop=("AUTHFAIL", "no"), app_version=version)
    world.settle(told)

    assert world.fleet.app("acme/shop").state == "active"
    assert world.state(job) == "running"


def test_a_late_truth_replaces_unknown_and_nothing_else(world):
    world.app()
    job = world.submit(3, repeat="once")
    part = world.begun()
    world.settle(report(part, {FAILED: [0]}, last=False))
    world.advance(9)
    world.worker("w2").reap()
    assert world.counts(job).unknown == 2
    state = world.state(job)

    late = report(part, {SUCCEEDED: [0, 1], UNKNOWN: [2]}, seq=2)

    assert world.settle(late).verdict == "late"
    assert world.map_of(job) == [FAILED, SUCCEEDED, UNKNOWN]
    assert world.state(job) == state
    outcomes = {row.line - 2: row.outcome for row in world.jobs.results(job)}
    assert outcomes == {0: "failed", 1: "succeeded", 2: "unknown"}
    assert len(list(world.jobs.results(job))) == 3
    assert {code.code: code.count for code in world.jobs.get(job).errors_by_code} == {
        "NOT_CONFIRMED": 1
    }
    world.audit(job)
    version = world.jobs.get(job).version
    world.settle(late)
    assert world.jobs.get(job).version == version


def test_results_can_be_read_while_the_job_runs_and_by_outcome(world):
    world.app()
    job = world.submit(2500, refused={7})
    world.finish(world.begun(items=5))
    world.finish(world.begun(items=1), FAILED)

    assert len(list(world.jobs.results(job))) == 7
    failed = world.jobs.results(job, frozenset({"failed"}))
    assert [(row.line, row.key["address"]) for row in failed] == [(9, "user7"), (7, "user5")]


def test_results_are_read_in_pieces_however_many_there_are(world):
    world.app()
    job = world.submit(600, refused=range(1, 600))
    for _ in range(450):
        world.redis.rpush(world.key("job", job, "out"), b"[]")
    world.finish(world.begun())

    assert len(list(world.jobs.results(job))) == 600
