"""When a cron line comes in a zone, above all on the days on which clocks change."""

import re
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from bulkhead.model.cron import Cron, jitter_of
from bulkhead.model.when import parse_when
from tests.fakes.dst import CHANGES, NAMES, bounds, comes_at

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schedules.md"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def within(cron, first, end):
    return list(takewhile(lambda at: at < end, cron.after(first - 1)))


@pytest.mark.parametrize("minute", [0, 15, 30, 59])
@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_a_daily_time_comes_once_on_a_day_of_change(zone, day, minute):
    for hour in (0, 1, 2, 3, 9, 23):
        found = within(Cron(f"{minute} {hour} * * *", zone), *bounds(zone, day))

        assert found == comes_at(zone, day, ((hour, minute),))


@pytest.mark.parametrize("minute", ["0", "30", "45"])
@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_an_hourly_time_comes_once_for_each_hour_that_clocks_name(zone, day, minute):
    found = within(Cron(f"{minute} * * * *", zone), *bounds(zone, day))

    assert found == comes_at(zone, day, tuple((hour, int(minute)) for hour in range(24)))


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_a_time_every_quarter_of_an_hour_comes_once_a_wall_time(zone, day):
    found = within(Cron("*/15 * * * *", zone), *bounds(zone, day))

    quarters = tuple((hour, minute) for hour in range(24) for minute in (0, 15, 30, 45))
    assert found == comes_at(zone, day, quarters)


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_a_single_time_is_the_same_instant_as_the_daily_one(zone, day):
    for hour, minute in ((1, 30), (1, 45), (2, 0), (2, 15), (2, 30), (9, 0)):
        once = parse_when(f"{day:%Y-%m-%d}T{hour:02d}:{minute:02d}[{zone}]", NOW)

        assert [once] == comes_at(zone, day, ((hour, minute),))
        assert within(Cron(f"{minute} {hour} * * *", zone), *bounds(zone, day)) == [once]


def documented():
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`[^`]+`", cells[1]):
            yield pytest.param(*cells, id=f"{cells[0]} {cells[1]} {cells[2]}")


def utc(text):
    return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("zone", "cron", "between", "fires"), [*documented()])
def test_every_row_of_the_page_is_true(zone, cron, between, fires):
    first, end = map(utc, between.split("–"))

    found = within(Cron(cron.strip("`"), zone), first, end)

    told = [datetime.fromtimestamp(at, UTC).strftime("%H:%M") for at in found]
    assert told == fires.split(", ")


def test_the_page_has_rows_for_each_zone():
    assert {row.values[0] for row in documented()} >= {zone for zone, _ in CHANGES}


def wall(zone, at):
    return datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None)


@given(
    begin=st.integers(int(utc("2024-01-01")), int(utc("2032-01-01"))),
    line=st.sampled_from(["* * * * *", "*/20 1-3 * * *", "30 2 * * SUN", "0 9 1,15 * *"]),
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
)
def test_from_wherever_one_begins_the_instants_are_the_same_and_ascend(begin, line, zone):
    cron = Cron(line, zone)
    coming = cron.after(begin)
    first, second, third = (next(coming) for _ in range(3))

    assert begin < first < second < third
    assert cron.next(first - 1) == first
    assert cron.next(first) == cron.next((first + second) // 2) == second
    assert wall(zone, first) < wall(zone, second) < wall(zone, third)


@pytest.mark.parametrize(
    ("line", "zone", "said"),
    [
        ("0 0 30 2 *", "UTC", "never comes"),
        ("0 0 31 4,6 *", "UTC", "never comes"),
        ("61 * * * *", "UTC", "its minute is not understood"),
        ("0 9 * * MUN", "UTC", "its day of week is not understood"),
        ("0 9 * *", "UTC", "five fields"),
        ("0 0 9 * * *", "UTC", "five fields"),
        ("@daily", "UTC", "five fields"),
        ("", "UTC", "five fields"),
        ("0 9 * * *", "Europe/Berln", "did you mean Europe/Berlin"),
        ("0 9 * * *", "../../etc/passwd", "there is no time zone"),
        ("0 9 * * *", "", "there is no time zone"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_in_three_lines(line, zone, said):
    with pytest.raises(InvalidInput) as refused:
        Cron(line, zone)

    told = refused.value.in_three_lines()
    assert said in told
    assert len(told.splitlines()) == 3


def test_the_29th_of_february_is_waited_for():
    found = Cron("0 0 29 2 *", "UTC").next(NOW)

    assert wall("UTC", found) == datetime(2028, 2, 29)


def test_blanks_in_a_cron_line_do_not_matter():
    assert Cron(" 0  9 * * mon", "UTC").line == "0 9 * * mon"


@pytest.mark.parametrize(
    ("line", "most"),
    [("* * * * *", 6), ("*/5 * * * *", 30), ("0 * * * *", 60), ("0 9 * * MON", 60)],
)
def test_the_offset_of_a_schedule_is_its_own_and_small(line, most):
    cron = Cron(line, "Europe/Berlin")
    drawn = [jitter_of(f"acme/{name}", cron, NOW) for name in range(60)]

    assert jitter_of("acme/7", cron, NOW) == drawn[7]
    assert 0 <= min(drawn) < most * 0.1
    assert most * 0.9 < max(drawn) <= most
    assert len(set(drawn)) > 50
