"""What is reported of a slice while it runs, and what goes wrong with reports."""

import threading
from types import SimpleNamespace

import pytest

from bulkhead.engine.verbs import Settled
from bulkhead.errors import Unreachable
from bulkhead.model.outcome import (
    Done,
    Refused,
    Retry,
)
from bulkhead.model.slice import Report, Tries
from tasks import parcel, report, settling
from tasks.clocks import Clocks
from tasks.news import News
from tests.fakes.slices import SAID, WALL, end_callers, make, through
from worker.stopping import Stopping


@pytest.fixture(autouse=True)
def callers_end():
    yield
    end_callers()


def test_a_report_in_the_middle_leaves_what_is_on_the_wire_open(eventually):
    gate = threading.Event()

    def hang():
        gate.wait(20)
        return Done(SAID)

    run, _runtime = make(answers={"u1": hang}, parallel=2)
    over = News()
    over.expect(1)
    run.start(over.one_over)
    eventually(lambda: len(run.finished) == 2)
    clocks = Clocks(wall=lambda: WALL)

    first = report.of(run, clocks, leaving=False)
    assert not run.has_news
    gate.set()
    assert over.wait(120)
    second = report.of(run, clocks, leaving=False)

    assert (first.seq, first.last, first.left) == (1, False, "1-1")
    assert (second.seq, second.last, second.left) == (2, True, "")
    assert second.states == {2: [1]}


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_host_whose_time_of_day_is_set_by_an_hour_gives_up_no_row_and_loses_none(step):
    run, _runtime = make(answers={"u1": Retry("NO_ANSWER", "no answer", SAID)})
    run.begun.tries[1] = Tries(1, int(WALL * 1000))
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL + step), leaving=False)

    assert told.states == {2: [0, 2]}
    assert [(retry[0], retry[2], retry[3]) for retry in told.retries] == [(1, 2, int(WALL * 1000))]
    assert told.left == ""


def test_a_worker_that_leaves_reports_what_it_has_and_leaves_the_wire_to_the_lease(eventually):
    gate = threading.Event()
    run, runtime = make(items=1, answers={"u0": lambda: gate.wait(20) and Done(SAID)})
    over = News()
    over.expect(1)
    run.start(over.one_over)
    eventually(lambda: runtime.courier.asked)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=True)

    assert not told.last
    assert told.left == "0-0"
    assert run.settled
    gate.set()
    assert over.wait(120)


def test_calls_are_counted_by_operation_and_outcome_with_bytes_and_users(eventually):
    run, _runtime = make(3, {"u1": Refused("REFUSED", "no", SAID)})

    run.start(News().one_over)
    eventually(lambda: run.done)
    told = report.of(run, Clocks(), leaving=False).traffic

    assert told.calls == {"useradd|succeeded": 2, "useradd|refused": 1}
    assert told.users == {"u0", "u1", "u2"}
    assert (told.sent, told.received) == (900, 300)


def test_a_call_that_hangs_is_reported_again_each_time_it_hangs_four_times_as_long(eventually):
    gate, now = threading.Event(), [100.0]
    run, _runtime = make(3, {"u2": lambda: gate.wait(60) and Done(SAID)}, opens=100.0, parallel=3)
    run._clocks = Clocks(monotonic=lambda: now[0])
    over = News()
    over.expect(1)
    run.start(over.one_over)
    eventually(lambda: len(run.finished) == 2)
    tellings = []

    for seconds in (0.2, 0.3, 0.9, 1.1, 5, 6, 20, 30):
        now[0] = 100.0 + seconds
        if report.has_news(run):
            told = report.of(run, Clocks(), leaving=False)
            tellings.append((told.waiting, told.lanes))
    gate.set()
    assert over.wait(120)
    last = report.of(run, Clocks(), leaving=False)

    assert tellings == [(0, 1), (300_000, 1), (1_100_000, 1), (5_000_000, 1), (20_000_000, 1)]
    assert (last.waiting, last.last) == (0, True)


def test_a_report_that_the_store_does_not_take_costs_the_others_nothing():
    taken = []

    def settle(reports):
        if any(told.lease == "bad" for told in reports):
            raise ValueError("it cannot be written")
        taken.extend(told.lease for told in reports)
        return [Settled("ok", "running") for _ in reports]

    runtime = SimpleNamespace(stopping=Stopping(), verbs=SimpleNamespace(settle=settle))
    told = [Report(lease, "acme/shop", "job_1", 1) for lease in ("1", "bad", "2")]

    settling.record(told, runtime)

    assert taken == ["1", "2"]


def test_who_is_on_the_record_is_asked_even_if_the_store_was_away_at_first():
    run, runtime = make(items=2)
    away = [Unreachable("the store did not answer")] * 2
    facts = runtime.cabinet.job
    runtime.cabinet.job = lambda job: _raise(away.pop()) if away else facts(job)

    asked = parcel.look_up([run.part], runtime)

    assert [address for _, address, _ in asked["1"]] == ["u0", "u1"]


def _raise(error):
    raise error


def test_an_error_of_ours_between_two_calls_gives_the_rest_back_and_ends_the_slice():
    run, _ = make(3)
    run._window = None

    assert through(run)

    told = report.of(run, Clocks(), leaving=False)
    assert (sorted(told.back), told.last) == ([0, 1, 2], True)
