"""A job is refused when it is certain that its calls cannot all be made before its end."""

import pytest

from bulkhead.engine.request import Request
from bulkhead.lateness import from_first_to_last
from bulkhead.model.forecast import Limits
from bulkhead.model.in_time import Hours, cannot_finish, refusal
from bulkhead.model.when import parse_when
from bulkhead.model.window import parse_window

NOON = parse_when("2030-03-20T12:00[Europe/Berlin]", 0)
TWENTY = Limits(rate=20, burst=40, at_once=8)
HOUR = 3600


@pytest.mark.parametrize(
    ("calls", "late"),
    [(20 * HOUR + 40, None), (20 * HOUR + 41, 20 * HOUR + 40), (0, None)],
)
def test_to_the_call_at_a_rate(calls, late):
    found = cannot_finish(calls, TWENTY, Hours(NOON, NOON + HOUR))

    assert (found and found.in_time) == late


def test_only_the_hours_inside_the_window_count():
    window = parse_window("09:00-13:00[Europe/Berlin]")
    hours = Hours(NOON, NOON + 24 * HOUR, window)

    late = cannot_finish(5 * 20 * HOUR, TWENTY, hours)

    assert hours.seconds == 4 * HOUR
    assert late.in_time == 4 * 20 * HOUR + 40 * hours.rests
    assert late.rate == pytest.approx(25, abs=0.1)
    assert late.done_at == pytest.approx(
        parse_when("2030-03-21T13:00[Europe/Berlin]", 0) - 2, abs=1
    )


def test_slow_answers_and_few_calls_at_once_can_be_what_is_too_slow():
    limits = Limits(rate=1000, burst=1, at_once=2, latency=0.5)

    late = cannot_finish(100_000, limits, Hours(NOON, NOON + HOUR))

    assert (late.limited_by, late.in_time) == ("max_in_flight", 4 * HOUR + 2)


def test_a_window_that_does_not_open_before_the_end_leaves_room_for_no_call():
    hours = Hours(NOON, NOON + HOUR, parse_window("20:00-22:00[Europe/Berlin]"))

    late = cannot_finish(1, TWENTY, hours)

    assert (late.in_time, late.open, late.rate) == (0, 0, None)
    assert "later --end-at" in refusal(late, hours, "acme/shop").to_do


@pytest.mark.parametrize(
    ("hours", "took", "in_all"),
    [
        ("", 30 * HOUR, 30 * HOUR),
        ("09:00-20:00[Europe/Berlin]", 8 * HOUR, 8 * HOUR),
        ("09:00-20:00[Europe/Berlin]", 9 * HOUR, 22 * HOUR),
        ("14:00-16:00[Europe/Berlin]", 2 * HOUR, 2 * HOUR),
        ("14:00-16:00[Europe/Berlin]", 3 * HOUR, 25 * HOUR),
        ("14:00-16:00[Europe/Berlin]", 10**12, 10**12),
    ],
)
def test_from_the_first_call_to_the_last_the_rests_of_a_window_count(hours, took, in_all):
    request = Request("broadcast", "acme", "acme/shop", window=hours)

    assert from_first_to_last(request, took, 1000 * HOUR, clock=lambda: NOON) == in_all


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("app_rate", "bulkhead apps set acme/shop"),
        ("class_rate", "bulkhead apps set acme/shop"),
        ("job_rate", "--rate 25/s"),
    ],
)
def test_the_refusal_says_in_three_lines_what_is_missing_and_what_would_help(name, said):
    hours = Hours(NOON, NOON + HOUR)
    late = cannot_finish(25 * HOUR, Limits(20, 1, 8, rate_name=name), hours)

    told = refusal(late, hours, "acme/shop").in_three_lines()

    assert len(told.splitlines()) == 3
    assert f"90,000 calls take 75 min at least, limited by {name} (20/s)" in told
    assert "72,001 could be made" in told
    assert said in told
    assert "by 2030-03-20T12:14:59.950Z" in told
    assert "--force-late" in told
