"""The days on which clocks change, and when a wall time comes on them, counted minute by minute."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

CHANGES = [
    (zone, datetime.fromisoformat(day))
    for zone, days in {
        "Europe/Berlin": ("2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31"),
        "America/New_York": ("2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07"),
        # Half an hour, at two.
        "Australia/Lord_Howe": ("2026-04-05", "2026-10-04", "2027-04-04", "2027-10-03"),
    }.items()
    for day in days
]
NAMES = [f"{zone} {day:%Y-%m-%d}" for zone, day in CHANGES]


@cache
def minutes_of(zone, day):
    """Each minute of that day as (Unix seconds, what the zone's clocks show)."""
    place = ZoneInfo(zone)
    begin = day.replace(tzinfo=UTC) - timedelta(hours=24)
    minutes = (begin + timedelta(minutes=n) for n in range(72 * 60))
    shown = [(int(at.timestamp()), at.astimezone(place).replace(tzinfo=None)) for at in minutes]
    return [(at, wall) for at, wall in shown if wall.date() == day.date()]


@cache
def comes_at(zone, day, times):
    """The instants at which clocks first show each of these (hour, minute), or a later time."""
    wanted = [day + timedelta(hours=hour, minutes=minute) for hour, minute in times]
    minutes = minutes_of(zone, day)
    return sorted({next(at for at, shown in minutes if shown >= wall) for wall in wanted})


def bounds(zone, day):
    """The first instant of that day, and the first of the next one."""
    minutes = minutes_of(zone, day)
    return minutes[0][0], minutes[-1][0] + 60
