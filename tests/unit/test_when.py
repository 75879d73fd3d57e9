"""A time is written so that it is one instant on every machine."""

import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from bulkhead.model.when import first_instant, parse_when

NOW = 1_900_000_000.0
ROOT = Path(__file__).parents[2]
ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "UTC"),
)


def utc(text):
    return datetime.fromtimestamp(parse_when(text, NOW), UTC).isoformat(timespec="seconds")[:-6]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-12-24T09:00[Europe/Berlin]", "2026-12-24T08:00:00"),
        ("2026-07-24T09:00[Europe/Berlin]", "2026-07-24T07:00:00"),
        ("2026-12-24T09:00:30[Asia/Kathmandu]", "2026-12-24T03:15:30"),
        ("2026-12-24T09:00:00Z", "2026-12-24T09:00:00"),
        ("2026-12-24 09:00Z", "2026-12-24T09:00:00"),
        ("2026-12-24T09:00:00+01:00", "2026-12-24T08:00:00"),
        ("2026-12-24T09:00-0330", "2026-12-24T12:30:00"),
        ("2026-12-24T09:00+01:00[Europe/Berlin]", "2026-12-24T08:00:00"),
        (" 2026-12-24T09:00Z ", "2026-12-24T09:00:00"),
    ],
)
def test_a_time_with_its_zone_is_one_instant(written, instant):
    assert utc(written) == instant


def test_fractions_of_a_second_are_kept():
    assert parse_when("2026-12-24T09:00:00.250Z", NOW) % 1 == 0.25


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("in 10m", 600), ("In 2h", 7200), ("in 1.5s", 1.5), ("in 30d", 2592000)],
)
def test_so_long_from_now_counts_from_now(written, seconds):
    assert parse_when(written, NOW) == NOW + seconds


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2027-03-28T02:00[Europe/Berlin]", "2027-03-28T01:00:00"),
        ("2027-03-28T02:30[Europe/Berlin]", "2027-03-28T01:00:00"),
        ("2027-03-28T02:59:59.5[Europe/Berlin]", "2027-03-28T01:00:00"),
        ("2027-03-28T03:00[Europe/Berlin]", "2027-03-28T01:00:00"),
        ("2026-03-08T02:15[America/New_York]", "2026-03-08T07:00:00"),
        ("2026-10-04T02:15[Australia/Lord_Howe]", "2026-10-03T15:30:00"),
        ("2011-12-30T12:00[Pacific/Apia]", "2011-12-30T10:00:00"),
    ],
)
def test_a_time_that_the_clocks_skip_is_the_first_instant_after_the_gap(written, instant):
    assert utc(written) == instant


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-10-25T02:30[Europe/Berlin]", "2026-10-25T00:30:00"),
        ("2026-10-25T02:30+01:00[Europe/Berlin]", "2026-10-25T01:30:00"),
        ("2026-11-01T01:30[America/New_York]", "2026-11-01T05:30:00"),
        ("2027-04-04T01:45[Australia/Lord_Howe]", "2027-04-03T14:45:00"),
    ],
)
def test_a_time_that_comes_twice_is_the_first_unless_an_offset_says_otherwise(written, instant):
    assert utc(written) == instant


def test_a_time_without_a_zone_is_refused_in_three_lines():
    with pytest.raises(InvalidInput) as refused:
        parse_when("2026-12-24T09:00", NOW)

    said = refused.value.in_three_lines()
    assert len(said.splitlines()) == 3
    assert "does not say in which time zone" in said
    assert "[Europe/Berlin]" in said


def test_a_zone_that_does_not_exist_is_refused_with_the_nearest_one():
    with pytest.raises(InvalidInput) as refused:
        parse_when("2026-12-24T09:00[Europe/Berln]", NOW)

    assert refused.value.to_do == "did you mean Europe/Berlin?"


@pytest.mark.parametrize(
    "written",
    [
        *("", "tomorrow", "09:00", "2026-12-24", "2026-13-01T00:00Z", "2026-02-30T00:00Z"),
        *("2026-12-24T25:00Z", "2026-12-24T09:00+25:00", "2026-12-24T09:00[]", "1798102800"),
        *("2026-12-24T09:00[../etc/passwd]", "2026-12-24T09:00[/etc]", "2026-12-24T09:00[Europe]"),
        *("2026-12-24T09:00+05:00[Europe/Berlin]", "in", "in ten minutes", "in -5m"),
        *("0001-01-01T00:00+14:00", "9999-12-31T23:59[Pacific/Honolulu]"),
        *("in 9999999d", "1969-12-31T23:59Z"),
    ],
)
def test_what_is_no_time_is_refused_and_says_how_to_write_one(written):
    with pytest.raises(InvalidInput) as refused:
        parse_when(written, NOW)

    assert refused.value.why
    assert refused.value.to_do


@given(wall=st.datetimes(datetime(1980, 1, 1), datetime(2036, 12, 31)), zone=st.sampled_from(ZONES))
def test_no_earlier_instant_shows_that_time_or_a_later_one_on_the_same_day(wall, zone):
    wall, there = wall.replace(microsecond=0), ZoneInfo(zone)

    instant = first_instant(wall, there)

    shown = instant.astimezone(there).replace(tzinfo=None)
    just_before = (instant - timedelta(seconds=1)).astimezone(there).replace(tzinfo=None)
    assert shown >= wall
    assert shown == wall or just_before < wall


@given(
    instant=st.integers(400_000_000, 2_100_000_000),
    zone=st.sampled_from(ZONES),
)
def test_an_instant_written_with_offset_and_zone_is_read_back_as_the_same(instant, zone):
    there = datetime.fromtimestamp(instant, ZoneInfo(zone))

    assert parse_when(f"{there.isoformat()}[{zone}]", NOW) == instant


@given(text=st.text("0123456789-+:T Z[]/EuropBlin.", max_size=40))
def test_any_text_is_an_instant_or_a_sentence(text):
    with suppress(InvalidInput):
        assert isinstance(parse_when(text, NOW), float)


def test_zones_are_known_where_the_system_has_none():
    program = "from bulkhead.model.when import zone_named; print(zone_named('Australia/Lord_Howe'))"
    without = {"PYTHONTZPATH": "", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program], env=without, cwd=ROOT, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, b"Australia/Lord_Howe\n"), done.stderr
