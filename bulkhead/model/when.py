"""An instant as a person writes it: wall time and zone, UTC, an offset, or so long from now."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from bulkhead.errors import InvalidInput
from bulkhead.model.app import parse_duration

_WRITTEN = re.compile(
    r"(?P<wall>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)"
    r"(?P<offset>Z|[+-]\d{2}:?\d{2})?(\[(?P<zone>[A-Za-z0-9_+/-]+)\])?"
)
_EXAMPLES = "write it like 2026-12-24T09:00[Europe/Berlin], 2026-12-24T08:00:00Z or `in 10m`"

_END = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def parse_when(text: str, now: float) -> float:
    """Unix seconds; `now` is what `in 10m` counts from. Raises InvalidInput.

    A wall time that its zone skips is the first instant after the gap; one that comes twice is the
    first of the two, unless an offset beside the zone says which.
    """
    try:
        instant = _read(text.strip(), now)
    except (ValueError, OverflowError) as error:
        raise _no_time(text, str(error).rstrip(".")) from None
    if not can_be_written(instant):
        raise _no_time(text, "it is not between the years 1970 and 9999")
    return instant


def can_be_written(instant: float) -> bool:
    """True for Unix seconds of the years 1970 to 9998, which every document can show."""
    return 0 <= instant < _END


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant, in UTC, at which clocks of the zone show this wall time or a later one."""
    # In a gap fold=0 counts with the offset before it, which leads behind it, and fold=1 the
    # other way round; where a wall time comes twice, fold=0 is the first.
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == wall:
        return after
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_of_offset(before, after, zone)


def repeated_hour(wall: datetime, zone: tzinfo) -> tuple[float, float | None]:
    """For a wall time that comes twice: when clocks go back before the second, and the second.

    Unix seconds; (0, None) for any other.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if not first < second:
        return 0.0, None
    # In a gap neither of the two shows the time that was asked for.
    if first.astimezone(zone).replace(tzinfo=None) != wall:
        return 0.0, None
    return _change_of_offset(first, second, zone).timestamp(), second.timestamp()


def zone_named(name: str) -> ZoneInfo:
    """The zone of the IANA database. Raises InvalidInput with the nearest name."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        known = available_timezones()
        near = difflib.get_close_matches(name, known, n=1)
        if not known:
            raise InvalidInput(
                f"the time zone {name} cannot be looked up",
                why="this machine has no time zone database",
                to_do="install the system's tzdata package, or write the time in UTC with a Z",
            ) from None
        raise InvalidInput(
            f"there is no time zone {name}",
            why="zones are named as in the IANA database, by continent and city",
            to_do=f"did you mean {near[0]}?" if near else "write it like Europe/Berlin",
        ) from None


def _read(asked: str, now: float) -> float:
    if asked.lower().startswith("in "):
        return now + parse_duration(asked[3:])
    written = _WRITTEN.fullmatch(asked)
    if written is None:
        raise _no_time(asked, "a time is a date, hours, minutes and a zone")
    wall = datetime.fromisoformat(written["wall"])
    return _instant(wall, written["offset"], written["zone"]).timestamp()


def _no_time(text: str, why: str) -> InvalidInput:
    return InvalidInput(f"{text!r} is not a time", why=why, to_do=_EXAMPLES)


def _instant(wall: datetime, offset: str | None, zone: str | None) -> datetime:
    if zone is None and offset is None:
        raise InvalidInput(
            f"{wall.isoformat()} does not say in which time zone",
            why="without one it would be another instant on every machine",
            to_do=_EXAMPLES,
        )
    if zone is None:
        return wall.replace(tzinfo=_fixed(offset or "Z"))
    there = zone_named(zone)
    if offset is None:
        return first_instant(wall, there)
    instant = wall.replace(tzinfo=_fixed(offset))
    if instant.astimezone(there).replace(tzinfo=None) != wall:
        raise InvalidInput(
            f"{wall.isoformat()} is never {offset} in {zone}",
            why="the offset and the zone contradict each other",
            to_do="leave the offset away, or the zone",
        )
    return instant


def _fixed(offset: str) -> tzinfo:
    if offset == "Z":
        return UTC
    sign = -1 if offset[0] == "-" else 1
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def _change_of_offset(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant between the two at which the zone's offset changes: always a whole second."""
    old = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), -int(-after.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        same = datetime.fromtimestamp(middle, zone).utcoffset() == old
        low, high = (middle, high) if same else (low, middle)
    return datetime.fromtimestamp(high, UTC)
