"""Times of day, in a zone, in which calls may start; outside them a job rests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from bulkhead.errors import InvalidInput
from bulkhead.model.when import first_instant, repeated_hour, zone_named

DAY = 1440
"""Minutes."""

AHEAD = 1100
"""Days that are worked out when a job is made: some three years with all changes of the clocks."""

MOST_HOURS = 12
"""Stretches of one day."""

_HOURS = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})")
_WRITTEN = re.compile(r"(?P<hours>[^\[\]]*)(\[(?P<zone>[A-Za-z0-9_+/-]+)\])?")
_EXAMPLES = "write it like 09:00-20:00, 22:00-06:00 or 08:00-12:00,14:00-18:00"

Stretch = tuple[int, int]
"""Unix seconds: the first at which a call may start, and the first at which none may."""


@dataclass(frozen=True, slots=True)
class Window:
    """When calls may start, each day: by the clocks of a zone."""

    hours: str
    """As it was written, such as `09:00-20:00`."""
    zone: str
    spans: tuple[tuple[int, int], ...]
    """In minutes of the day; an end beyond 1440 is of the next day."""

    @classmethod
    def of(cls, hours: str, zone: str) -> Self:
        """The window that a person wrote. Raises InvalidInput."""
        zone_named(zone)
        texts = [text.strip() for text in hours.split(",")]
        if len(texts) > MOST_HOURS:
            raise _no_hours(hours, f"a day has at most {MOST_HOURS} of them")
        spans = sorted(_span(text, hours) for text in texts)
        if not _leaves_a_rest(spans):
            raise _no_hours(hours, "it leaves out no time of the day")
        return cls(",".join(texts), zone, tuple(spans))

    @property
    def written(self) -> str:
        """As `parse_window` reads it."""
        return f"{self.hours}[{self.zone}]"

    @property
    def said(self) -> str:
        """As a person reads it: `09:00-20:00 Europe/Berlin`."""
        return f"{self.hours} {self.zone}"

    def stretches(self, since: float) -> Iterator[Stretch]:
        """When it is open, from an instant on (Unix seconds) and without end; whole seconds.

        An edge in a gap of the clocks is the first instant behind it. An edge in an hour that comes
        twice is the first of the two: what has closed stays closed, and what opens there rests
        while clocks show a time before the opening once more.
        """
        zone = zone_named(self.zone)
        today = datetime.fromtimestamp(since, zone).date() - timedelta(days=2)
        open_: Stretch | None = None
        while True:
            for begin, end in sorted(self._of_day(today, zone)):
                if open_ is not None and begin <= open_[1]:
                    open_ = (open_[0], max(end, open_[1]))
                    continue
                if open_ is not None and open_[1] > since:
                    yield open_
                open_ = (begin, end)
            today += timedelta(days=1)

    def seconds_open(self, since: float, until: float) -> float:
        """How long it is open between two instants (Unix seconds)."""
        total = 0.0
        for begin, end in self.stretches(since):
            if begin >= until:
                break
            total += min(end, until) - max(begin, since)
        return total

    def after(self, seconds: float, since: float) -> float:
        """The instant at which it has been open for so long since another one (Unix seconds)."""
        left = seconds
        for begin, end in self.stretches(since):
            start = max(begin, since)
            if end - start >= left:
                return start + left
            left -= end - start
        raise AssertionError("stretches() never ends")

    def _of_day(self, day: date, zone: ZoneInfo) -> Iterator[Stretch]:
        for first, last in self.spans:
            start, end = _instant(day, first, zone), _instant(day, last, zone)
            change, again = repeated_hour(_wall(day, first), zone)
            if again is not None and start < change < end:
                yield start, int(change)
                yield int(min(again, end)), end
            elif start < end:
                yield start, end


def parse_window(text: str) -> Window:
    """The window of `09:00-20:00[Europe/Berlin]`; without a zone its hours are UTC's.

    Raises InvalidInput.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise _no_hours(text, "it is hours and minutes, and a zone in brackets")
    return Window.of(written["hours"].strip(), written["zone"] or "UTC")


def window_fields(written: str, since: float) -> dict[str, str]:
    """What a job has of its window: as it was asked for, and worked out for the scripts."""
    if not written:
        return {}
    window = parse_window(written)
    told = {"window": window.written, "window_said": window.said}
    # Two days more: who makes a job may have a clock that is ahead of the store's.
    return {**told, "edges": edges(window, since - 2 * 86400)}


def edges(window: Window, since: float) -> str:
    """When the window opens and closes from an instant on, as the scripts read it.

    The first opening in Unix seconds, then `times:open,closed,…`: runs of days that are alike, the
    seconds of each. The last run is taken to go on for ever.
    """
    until = since + AHEAD * 86400
    stretches = []
    for stretch in window.stretches(since):
        stretches.append(stretch)
        if stretch[0] > until:
            break
    pairs = [(end - begin, following - end) for (begin, end), (following, _) in pairwise(stretches)]
    runs = _runs(pairs, len(window.spans))
    told = [f"{times}:{','.join(f'{on},{off}' for on, off in day)}" for times, day in runs]
    return " ".join([str(stretches[0][0]), *told])


def _runs(
    pairs: Sequence[tuple[int, int]], a_day: int
) -> list[tuple[int, tuple[tuple[int, int], ...]]]:
    runs: list[tuple[int, tuple[tuple[int, int], ...]]] = []
    for start in range(0, len(pairs) - a_day + 1, a_day):
        day = tuple(pairs[start : start + a_day])
        if runs and runs[-1][1] == day:
            runs[-1] = (runs[-1][0] + 1, day)
        else:
            runs.append((1, day))
    # A day on which clocks change must not be the one that goes on for ever.
    while len(runs) > 1 and runs[-1][0] == 1:
        runs.pop()
    return runs


def _wall(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    return int(first_instant(_wall(day, minutes), zone).timestamp())


def _span(text: str, hours: str) -> tuple[int, int]:
    written = _HOURS.fullmatch(text)
    if written is None:
        raise _no_hours(hours, "it is hours and minutes, -, and hours and minutes")
    first_hour, first_minute, last_hour, last_minute = map(int, written.groups())
    first, last = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or first >= DAY or last > DAY:
        raise _no_hours(hours, "a day has 24 hours of 60 minutes")
    if first == last:
        raise _no_hours(hours, "it ends when it begins")
    return (first, last) if last > first else (first, last + DAY)


def _leaves_a_rest(spans: Sequence[tuple[int, int]]) -> bool:
    """True if some minute of a day is in none of them."""
    end = max(0, max(last for _, last in spans) - DAY)
    for first, last in spans:
        if first > end:
            return True
        end = max(end, last)
    return end < DAY


def _no_hours(hours: str, why: str) -> InvalidInput:
    return InvalidInput(f"{hours!r} is not a window", why=why, to_do=_EXAMPLES)
