"""A slice while its calls are made, and what is reported of it."""

import time

import pytest

from bulkhead.backend.reply import Withheld
from bulkhead.engine.cabinet import Item
from bulkhead.model.outcome import (
    Done,
    Refused,
    Retry,
    Skipped,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.slice import Tries
from tasks import report
from tasks.clocks import Clocks
from tasks.news import News
from tests.fakes.slices import SAID, WALL, end_callers, make, ran, through


@pytest.fixture(autouse=True)
def callers_end():
    yield
    end_callers()


def test_every_item_is_called_once_and_reported_in_one_last_report():
    told, runtime, run = ran(items=5, parallel=3)

    assert sorted(runtime.courier.asked) == ["u0", "u1", "u2", "u3", "u4"]
    assert {state: sorted(items) for state, items in told.states.items()} == {2: [0, 1, 2, 3, 4]}
    assert told.last
    assert told.left == ""
    assert told.calls == 5
    assert told.latency >= 1
    assert run.settled


@pytest.mark.parametrize(
    ("outcome", "state", "code"),
    [
        (Done(SAID), 2, ""),
        (Skipped("already_done"), 3, ""),
        (Refused("BADUSER", "no", SAID), 4, "BADUSER"),
        (Unknown("no answer", SAID), 5, "NOT_CONFIRMED"),
    ],
)
def test_a_final_outcome_becomes_a_state_and_a_row(outcome, state, code):
    told, _, _ = ran(items=1, answers={"u0": outcome})

    assert told.states == {state: [0]}
    assert told.rows[0][:2] == [0, state]
    assert told.rows[0][3] == code
    assert told.codes == ({code: [2]} if code else {})


def test_a_retry_carries_the_count_and_the_first_time():
    first = round(WALL * 1000) - 5000
    told, _, _ = ran(
        items=1,
        answers={"u0": Retry("TIMEOUT", "no answer", SAID, after=20)},
        tries={0: Tries(2, first)},
    )

    assert told.retries == [(0, 20_000_000, 3, first, "")]
    assert told.states == {}


def test_a_retry_that_had_its_chances_is_failed():
    told, _, _ = ran(
        items=1,
        answers={"u0": Retry("TIMEOUT", "no answer", SAID)},
        tries={0: Tries(5, round(WALL * 1000))},
    )

    assert told.states == {4: [0]}
    assert told.rows[0][6] == 6


def test_a_throttled_call_halts_the_slice_and_gives_the_rest_back():
    told, runtime, _ = ran(answers={"u0": Throttled("THROTTLED", "slow down", SAID, after=3)})

    assert runtime.courier.asked == ["u0"]
    assert told.again == [0]
    assert sorted(told.back) == [1, 2]
    assert (told.throttled, told.after) == (1, 3_000_000)
    assert told.states == {}


def test_a_refused_token_halts_the_slice_and_names_the_version_that_carried_it():
    told, runtime, _ = ran(answers={"u1": Stopped("AUTHFAIL", "bad token", SAID)})

    assert runtime.courier.asked == ["u0", "u1"]
    assert told.stop == ("AUTHFAIL", "bad token")
    assert told.app_version == "4"
    assert (told.again, told.back) == ([1], [2])


def test_a_row_that_cannot_be_sent_is_failed_without_a_call():
    run, runtime = make(items=1)
    run._turns[0] = ([Item(0, 2, [""])], run._turns[0][1])
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert runtime.courier.asked == []
    assert told.states == {4: [0]}
    assert told.calls == 0
    assert told.rows[0][6] == 0


def test_an_error_of_ours_in_a_call_loses_no_item_and_no_lane():
    told, _, _ = ran(answers={"u1": RuntimeError("ours")})

    assert told.states == {2: [0, 2]}
    assert [retry[0] for retry in told.retries] == [1]
    assert told.left == ""


def test_an_error_of_ours_before_a_call_loses_no_item_and_no_lane():
    run, _runtime = make()
    run.facts.mapping["no_such_field"] = 1
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert sorted(retry[0] for retry in told.retries) == [0, 1, 2]
    assert told.left == ""


def test_a_call_withheld_because_the_way_took_too_long_goes_back_unsent():
    told, _, _ = ran(items=2, answers={"u1": Withheld()})

    assert told.states == {2: [0]}
    assert told.back == [1]
    assert told.calls == 1


def test_an_outcome_that_cannot_be_folded_ends_its_own_item_and_no_other():
    told, _, run = ran(answers={"u1": Upstream("no outcome at all")})

    assert told.states == {2: [0, 2], 5: [1]}
    assert told.codes == {"NOT_CONFIRMED": [3]}
    assert (told.left, run.settled) == ("", True)


def test_a_permit_that_is_too_old_is_given_back_unsent():
    told, runtime, _ = ran(opens=time.monotonic() - 3600)

    assert runtime.courier.asked == []
    assert sorted(told.back) == [0, 1, 2]


def test_no_call_starts_once_stopping_is_asked_for():
    run, runtime = make(offsets=[0, 50_000_000, 50_000_000])
    over = News()
    over.expect(1)
    run.start(over.one_over)

    runtime.stopping.ask()
    run.nudge()

    assert over.wait(120)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    assert {1, 2} <= set(told.back)


def test_an_item_of_a_kind_that_this_worker_does_not_know_is_failed_without_a_call():
    told, runtime, _ = ran(items=2, kind="from.the.future")

    assert runtime.courier.asked == []
    assert told.states == {4: [0, 1]}
    assert set(told.codes) == {"UNSENDABLE"}
    assert told.calls == 0
