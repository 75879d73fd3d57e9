"""What a session's answer means for its item."""

import pytest

from bulkhead.model.code import CODES
from bulkhead.model.outcome import Done, Refused, Retry, Unknown
from bulkhead.model.realtime_outcome import comes_back, outcome_of, unconfirmed

MID = 4_000_000_000


@pytest.mark.parametrize("status", [1, 2, 3])
def test_a_message_that_the_server_has_is_done_with_its_mid(status):
    outcome = outcome_of({"status": status}, MID, 0)

    assert isinstance(outcome, Done)
    assert outcome.upstream.details == {"mid": MID}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (129, "RECIPIENT_OFFLINE"),
        (131, "NO_SUCH_RECIPIENT"),
        (132, "MESSAGE_LAPSED"),
        (134, "TAKES_NO_MESSAGES"),
        (136, "SENDER_BLOCKED"),
        (145, "NOT_A_MEMBER"),
        (137, "UNLISTED"),
    ],
)
def test_a_status_that_is_final_refuses_the_item_with_a_code_of_its_own(status, code):
    outcome = outcome_of({"status": status}, MID, 0)

    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert outcome.upstream.error == str(status)
    assert code in CODES


@pytest.mark.parametrize(("status", "code"), [(130, "INBOX_FULL"), (144, "GROUP_PAUSED")])
def test_what_passes_by_itself_is_tried_again(status, code):
    outcome = outcome_of({"status": status}, MID, 3)

    assert isinstance(outcome, Retry)
    assert outcome.code == code
    assert code in CODES


def test_a_plain_failure_is_tried_once_more_and_then_refused():
    first, second = outcome_of({"status": 128}, MID, 0), outcome_of({"status": 128}, MID, 1)

    assert isinstance(first, Retry)
    assert isinstance(second, Refused)
    assert first.code == second.code == "MESSAGE_NOT_SENT"


def test_a_failure_at_one_member_of_a_group_is_not_the_messages():
    assert isinstance(outcome_of({"status": 129, "member": True}, MID, 0), Done)


@pytest.mark.parametrize("result", [134, 135, 140, 180, 141, 176, 177, 178, 179])
def test_what_the_package_did_not_take_goes_back_unsent(result):
    assert comes_back(result)
    assert outcome_of({"result": result}, MID, 0) is None


def test_what_was_withheld_goes_back_unsent():
    assert outcome_of({"withheld": True}, MID, 0) is None


@pytest.mark.parametrize(
    ("result", "code"),
    [(-1, "UNSENDABLE"), (133, "REFUSED"), (131, "NO_SUCH_RECIPIENT"), (193, "SENDER_DENIED")],
)
def test_what_the_package_refuses_is_refused(result, code):
    outcome = outcome_of({"result": result}, MID, 0)

    assert isinstance(outcome, Refused)
    assert outcome.code == code


def test_what_cannot_reach_the_package_whole_is_refused_with_the_reason():
    outcome = outcome_of({"refused": "the package takes no such group id"}, MID, 0)

    assert (outcome.code, outcome.message) == ("UNSENDABLE", "the package takes no such group id")


def test_a_message_whose_session_ended_is_unknown_with_its_mid():
    outcome = outcome_of({"ended": "signal 9"}, MID, 0)

    assert isinstance(outcome, Unknown)
    assert outcome.upstream.details == {"mid": MID}


def test_a_message_that_nothing_more_was_heard_of_is_unknown():
    outcome = unconfirmed("no status came within 10 seconds", MID)

    assert isinstance(outcome, Unknown)
    assert "10 seconds" in outcome.message
