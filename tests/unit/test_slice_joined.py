"""A slice whose calls carry several items: one answer for all of them, and one permit."""

import pytest

from bulkhead.backend.reply import Withheld
from bulkhead.model.outcome import Done, Refused, Retry, Throttled, Upstream
from bulkhead.model.slice import Slice
from tasks import report
from tasks.clocks import Clocks
from tasks.joined import shortened
from tests.fakes.slices import JOINED, WALL, end_callers, make, ran, through

SAID = Upstream("groupeditmembers", 200, None)
WORD = Upstream("groupeditmembers", 200, "NOUSER")
ALL = "u0,u1,u2,u3"


@pytest.fixture(autouse=True)
def callers_end():
    yield
    end_callers()


def test_one_call_carries_all_items_that_are_alike():
    told, runtime, _ = ran(4, {ALL: Done(SAID)}, offsets=[0], **JOINED)

    assert runtime.courier.asked == [ALL]
    assert told.states == {2: [0, 1, 2, 3]}
    assert told.calls == 1
    assert sum(told.traffic.calls.values()) == 1
    assert told.traffic.sent == 300
    assert told.left == ""
    assert [row[5]["gid"] for row in told.rows] == [12] * 4


def test_no_more_calls_are_made_than_there_are_permits_and_the_rest_goes_back():
    told, runtime, _ = ran(5, offsets=[0, 0], **{**JOINED, "join": 2})

    assert sorted(runtime.courier.asked) == ["u0,u1", "u2,u3"]
    assert told.calls == 2
    assert told.back == [4]


def test_a_call_that_was_refused_for_several_says_nothing_of_any_of_them():
    told, _, _ = ran(4, {ALL: Refused("REFUSED", "no", WORD)}, offsets=[0], **JOINED)

    assert told.next == {"split_50": [0, 1, 2, 3]}
    assert told.states == {}
    assert told.calls == 1


def test_items_of_a_call_without_an_answer_come_back_together():
    told, _, _ = ran(4, {ALL: Retry("NO_ANSWER", "lost", SAID)}, offsets=[0], **JOINED)

    assert [retry[0] for retry in told.retries] == [0, 1, 2, 3]
    assert len({retry[1] for retry in told.retries}) == 1
    assert told.troubled == 1


def test_a_throttled_call_is_one_call_that_was_too_much():
    told, _, _ = ran(4, {ALL: Throttled("THROTTLED", "slow", SAID)}, offsets=[0], **JOINED)

    assert told.again == [0, 1, 2, 3]
    assert told.throttled == 1
    assert told.calls == 1


def test_a_call_that_was_held_back_sends_all_of_its_items_back():
    told, _, _ = ran(4, {ALL: Withheld()}, offsets=[0], **JOINED)

    assert told.back == [0, 1, 2, 3]
    assert told.calls == 0


def test_an_error_of_ours_in_a_joined_call_loses_no_item_and_is_one_call():
    told, _, _ = ran(4, {ALL: RuntimeError("ours")}, offsets=[0], **JOINED)

    assert [retry[0] for retry in told.retries] == [0, 1, 2, 3]
    assert told.calls == 1


def test_a_slice_that_is_stopped_sends_the_items_of_calls_not_made_back():
    run, runtime = make(6, offsets=[0, 0, 0], **{**JOINED, "join": 2})
    runtime.stopping.ask()
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert told.back == [0, 1, 2, 3, 4, 5]
    assert runtime.courier.asked == []


def test_a_slice_travels_with_how_many_items_a_call_may_carry():
    part = Slice("1", "acme/shop", "job", "groups.members", ((0, 149),), 2, (0, 5), join=100)

    assert Slice.from_message(part.to_message()) == part


def test_a_slice_keeps_the_first_items_that_its_calls_reach():
    part = Slice("1", "acme/shop", "job", "call", ((0, 4), (7, 9)), 2, (0, 5), join=100)

    assert shortened(part, {"1": 6}).ranges == ((0, 4), (7, 7))
    assert shortened(part, {}) is part
