"""When a recurring schedule comes: a cron line over the wall time of a zone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from bulkhead.errors import InvalidInput
from bulkhead.model.when import first_instant, zone_named

FIELDS = 5
MOST_JITTER = 60.0
"""Seconds."""
PART_OF_INTERVAL = 10
LOOKED_AT = 20
"""Instants whose shortest distance counts as the interval of a schedule."""
_ANY_TIME = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line in a zone. Raises InvalidInput for one that is not understood or never comes.

    Each wall time that it names comes once: in a gap of the clocks at the first instant after it,
    where a wall time comes twice at the first of the two. Several in one gap are one instant.
    """

    line: str
    zone: str
    _place: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", " ".join(self.line.split()))
        _checked(self.line)
        object.__setattr__(self, "_place", zone_named(self.zone))

    def after(self, instant: float) -> Iterator[int]:
        """The instants later than this one, as Unix seconds, ascending; without end in practice."""
        known = instant
        # Over wall time alone: what cronsim does about zones is Debian's way, not ours.
        wall = datetime.fromtimestamp(instant, self._place).replace(tzinfo=None)
        for told in CronSim(self.line, wall):
            try:
                found = first_instant(told, self._place).timestamp()
            except OverflowError:
                return
            if found > known:
                known = found
                yield int(found)

    def next(self, instant: float) -> int | None:
        """The first instant later than this one; None where the years end before it."""
        return next(self.after(instant), None)

    def local(self, instant: float) -> str:
        """The instant as the zone's clocks show it, with their offset."""
        return datetime.fromtimestamp(instant, self._place).isoformat(timespec="seconds")


def jitter_of(name: str, cron: Cron, instant: float) -> float:
    """Seconds by which a schedule of that name comes later than its cron line says.

    Always the same for a name, and a tenth of the shortest interval or a minute at most.
    """
    coming = list(islice(cron.after(instant), LOOKED_AT))
    shortest = min((later - sooner for sooner, later in pairwise(coming)), default=0)
    most = min(MOST_JITTER, shortest / PART_OF_INTERVAL)
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return drawn % (int(most * 1000) + 1) / 1000


def _checked(line: str) -> None:
    """Raises InvalidInput unless the line has five fields and some day to come on."""
    if len(line.split()) != FIELDS:
        raise _no_cron(line, "it has not five fields: minute, hour, day, month, weekday")
    try:
        walk = CronSim(line, _ANY_TIME)
    except CronSimError as error:
        if _fits_without_days(line):
            raise _never(line) from None
        told = str(error).removeprefix("Bad ").replace("-", " ")
        raise _no_cron(line, f"its {told} is not understood") from None
    if next(walk, None) is None:
        raise _never(line)


def _fits_without_days(line: str) -> bool:
    """True if only its day of the month and its month do not fit together."""
    minute, hour, day, _, weekday = line.split()
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", _ANY_TIME)
        CronSim(" ".join(["0", "0", "*", line.split()[3], "*"]), _ANY_TIME)
    except CronSimError:
        return False
    return True


def _no_cron(line: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{line!r} is not a cron line",
        why=why,
        to_do='write it like "0 9 * * MON" (nine o\'clock on Mondays) or "*/15 8-17 * * *"',
    )


def _never(line: str) -> InvalidInput:
    return InvalidInput(
        f"the cron line {line!r} never comes",
        why="no month that it names has such a day",
        to_do='name a day that there is; "0 9 L * *" is the last one of each month',
    )
