"""When an item is tried again, and when it has had its chances."""

import pytest

from bulkhead.model.outcome import Refused, Retry, Upstream
from bulkhead.model.retry_policy import RetryPolicy
from tasks.retry import Again, decide

GIVE_UP_AFTER = 6 * 3600


def retry(code="UPSTREAM_ERROR", after=None):
    return Retry(code, "no answer", Upstream("useradd"), after)


def test_the_longest_pause_doubles_from_half_a_second_to_a_minute():
    pauses = [
        decide(retry(), tries, 0, RetryPolicy(99), lambda: 1.0).seconds for tries in range(1, 10)
    ]

    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_the_pause_is_drawn_from_zero_so_that_items_do_not_return_together():
    assert decide(retry(), 5, 0, RetryPolicy(99), lambda: 0.0) == Again(0.0)
    assert decide(retry(), 5, 0, RetryPolicy(99), lambda: 0.5) == Again(4.0)


def test_a_time_that_mesibo_named_is_never_undercut():
    assert decide(retry(after=30), 1, 0, RetryPolicy(6), lambda: 1.0) == Again(30)
    assert decide(retry(after=1), 7, 0, RetryPolicy(9), lambda: 1.0) == Again(32)


def test_the_last_attempt_is_refused_with_the_code_that_it_met():
    outcome = decide(retry("TIMEOUT"), 6, 0, RetryPolicy(6))

    assert isinstance(outcome, Refused)
    assert outcome.code == "TIMEOUT"
    assert "6 attempts" in outcome.message
    assert isinstance(decide(retry("TIMEOUT"), 5, 0, RetryPolicy(6)), Again)


@pytest.mark.parametrize(("most", "last"), [(6, 3), (2, 2)])
def test_a_word_that_nobody_listed_is_tried_three_times_at_most(most, last):
    assert isinstance(decide(retry("UNLISTED"), last - 1, 0, RetryPolicy(most)), Again)
    assert isinstance(decide(retry("UNLISTED"), last, 0, RetryPolicy(most)), Refused)


def test_an_item_is_given_up_six_hours_after_its_first_attempt():
    assert isinstance(decide(retry(), 2, GIVE_UP_AFTER, RetryPolicy()), Again)

    outcome = decide(retry(), 2, GIVE_UP_AFTER + 1, RetryPolicy())

    assert outcome.code == "GAVE_UP"
    assert "6h" in outcome.message


def test_an_app_or_a_job_may_have_pauses_and_an_end_of_its_own():
    own = RetryPolicy(3, first=2.0, longest=5.0, give_up_after=60.0)

    pauses = [decide(retry(), tries, 0, own, lambda: 1.0) for tries in (1, 2)]

    assert pauses == [Again(2.0), Again(4.0)]
    assert isinstance(decide(retry(), 3, 0, own), Refused)
    assert decide(retry(), 1, 61, own).code == "GAVE_UP"
    assert own.changed({"attempts": 9, "first": None}) == RetryPolicy(9, 2.0, 5.0, 60.0)
    assert RetryPolicy(10_000).pause_after(9_999) == 60.0
