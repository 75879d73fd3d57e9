"""A window is hours of the day by the clocks of a zone, on every day of the year."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from bulkhead.model.when import parse_when
from bulkhead.model.window import Window, edges, parse_window

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def instant(text):
    return parse_when(text, 0)


def opened(hours, zone, day):
    """When it is open on a day, as UTC hours and minutes of begin and end; `day` is the zone's."""
    start = instant(f"{day}T00:00[{zone}]")
    local = datetime.fromtimestamp(start, ZoneInfo(zone)).date() + timedelta(days=1)
    end = instant(f"{local}T00:00[{zone}]")
    found = []
    for begin, close in Window.of(hours, zone).stretches(start):
        if begin >= end:
            return found
        found.append(tuple(f"{datetime.fromtimestamp(at, UTC):%H:%M}" for at in (begin, close)))
    raise AssertionError


@pytest.mark.parametrize(
    ("written", "hours", "zone"),
    [
        ("09:00-20:00[Europe/Berlin]", "09:00-20:00", BERLIN),
        ("22:00-06:00", "22:00-06:00", "UTC"),
        (" 14:00-18:00, 08:00-12:00 [UTC]", "14:00-18:00,08:00-12:00", "UTC"),
        ("20:00-24:00[UTC]", "20:00-24:00", "UTC"),
    ],
)
def test_a_window_is_read_and_written_back(written, hours, zone):
    window = parse_window(written)

    assert (window.hours, window.zone) == (hours, zone)
    assert parse_window(window.written) == window


@pytest.mark.parametrize(
    "written",
    [
        *("", "9-20", "09:00", "09:00-09:00", "24:00-08:00", "09:60-20:00", "09:00-25:00"),
        *("00:00-24:00", "08:00-20:00,18:00-09:00", "09:00-20:00[Europe/Berln]", "09:00-20:00["),
        *("09:00-20:00,", ",".join(["09:00-10:00"] * 13), "12:00-13:00,13:00-12:00"),
    ],
)
def test_what_is_no_window_is_refused_in_three_lines(written):
    with pytest.raises(InvalidInput) as refused:
        parse_window(written)

    assert len(refused.value.in_three_lines().splitlines()) == 3


@pytest.mark.parametrize(
    ("hours", "zone", "day", "expected"),
    [
        # Spring: an edge that is skipped is the first instant behind the gap.
        ("09:00-20:00", BERLIN, "2030-03-31", [("07:00", "18:00")]),
        ("02:30-20:00", BERLIN, "2030-03-31", [("01:00", "18:00")]),
        ("01:00-02:30", BERLIN, "2030-03-31", [("00:00", "01:00")]),
        ("02:10-02:50", BERLIN, "2030-03-31", []),
        ("22:00-02:30", BERLIN, "2030-03-31", [("21:00", "01:00"), ("20:00", "00:30")]),
        ("02:30-05:00", NEW_YORK, "2030-03-10", [("07:00", "09:00")]),
        ("02:15-05:00", LORD_HOWE, "2030-10-06", [("15:30", "18:00")]),
        # Autumn: an edge that comes twice is the first of the two.
        ("01:00-02:30", BERLIN, "2030-10-27", [("23:00", "00:30")]),
        ("02:15-02:45", BERLIN, "2030-10-27", [("00:15", "00:45")]),
        # What opens there rests while clocks show a time before the opening again.
        ("02:30-20:00", BERLIN, "2030-10-27", [("00:30", "01:00"), ("01:30", "19:00")]),
        ("01:30-05:00", NEW_YORK, "2030-11-03", [("05:30", "06:00"), ("06:30", "10:00")]),
        ("01:45-05:00", LORD_HOWE, "2030-04-07", [("14:45", "15:00"), ("15:15", "18:30")]),
        ("22:00-01:45", LORD_HOWE, "2030-04-07", [("11:00", "14:45"), ("11:30", "15:15")]),
        ("08:00-12:00,14:00-18:00", "UTC", "2030-05-05", [("08:00", "12:00"), ("14:00", "18:00")]),
        ("08:00-12:00,12:00-18:00", "UTC", "2030-05-05", [("08:00", "18:00")]),
    ],
)
def test_on_days_when_clocks_change(hours, zone, day, expected):
    assert opened(hours, zone, day) == expected


MINUTES = st.integers(0, 1439)
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, "America/Havana", "Africa/Casablanca", "Asia/Kathmandu")


@settings(max_examples=50)
@given(first=MINUTES, last=MINUTES, zone=st.sampled_from(ZONES), days=st.integers(0, 4000))
def test_no_instant_in_a_stretch_shows_a_time_outside_the_window(first, last, zone, days):
    if first == last:
        return
    hours = f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"
    since = 1_700_000_000 + days * 86400

    for (begin, end), (following, _) in pairwise(_first(Window.of(hours, zone), since, 4)):
        assert begin < end < following
        for at in (begin, (begin + end) // 2, end - 1):
            shown = datetime.fromtimestamp(at, ZoneInfo(zone))
            minute = shown.hour * 60 + shown.minute
            inside = first <= minute < last if first < last else minute >= first or minute < last
            assert inside, (hours, shown)


def _first(window, since, many):
    stretches = window.stretches(since)
    return [next(stretches) for _ in range(many)]


@settings(max_examples=25)
@given(
    hours=st.sampled_from(["09:00-20:00", "22:00-06:00", "02:30-03:30", "01:00-02:15,20:00-23:00"]),
    zone=st.sampled_from(ZONES),
    since=st.integers(1_700_000_000, 1_950_000_000),
)
def test_what_the_scripts_read_are_the_same_edges(hours, zone, since):
    window = Window.of(hours, zone)

    first, *runs = edges(window, since).split()
    at, found = int(first), []
    for run in runs:
        times, spans = run.split(":")
        numbers = [int(span) for span in spans.split(",")]
        for _ in range(int(times)):
            for on, off in zip(numbers[::2], numbers[1::2], strict=True):
                found.append((at, at + on))
                at += on + off
    assert found == _first(window, since, len(found))
    assert found[-1][0] > since + 800 * 86400


def test_how_long_it_is_open_and_when_so_much_of_it_has_been():
    window = parse_window("09:00-20:00[Europe/Berlin]")
    since, until = instant("2030-03-30T19:00[Europe/Berlin]"), instant("2030-04-01T10:00+02:00")

    assert window.seconds_open(since, until) == (1 + 11 + 1) * 3600
    assert window.after(3 * 3600, since) == instant("2030-03-31T11:00[Europe/Berlin]")
    assert window.after(0, instant("2030-03-30T21:00[Europe/Berlin]")) == instant(
        "2030-03-31T09:00[Europe/Berlin]"
    )


def test_windows_of_three_years_are_a_few_hundred_bytes():
    for zone in ZONES:
        assert len(edges(Window.of("08:00-12:00,14:00-18:00", zone), 1_900_000_000)) < 700
