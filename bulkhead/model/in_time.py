"""Whether so many calls can be made before an end, and what would have to be otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.app import App
from bulkhead.model.forecast import Limits, forecast
from bulkhead.model.job import rfc3339
from bulkhead.model.situation import lasting
from bulkhead.model.way import SENDER_CLASS
from bulkhead.model.when import zone_named
from bulkhead.model.window import Window

DAY = 86400


@dataclass(frozen=True, slots=True)
class Hours:
    """When calls may be made: from `start` to `end` (Unix seconds), and only in the window."""

    start: float
    end: float
    window: Window | None = None

    @property
    def seconds(self) -> float:
        """How long calls may be made in all."""
        if self.window is None:
            return max(0.0, self.end - self.start)
        return self.window.seconds_open(self.start, self.end)

    @property
    def rests(self) -> int:
        """After so many rests, at most, an app may have its burst."""
        if self.window is None:
            return 1
        return 1 + len(self.window.spans) * (2 + int((self.end - self.start) // DAY))

    def after(self, seconds: float) -> float:
        """When so much of it has gone by, were there no end (Unix seconds)."""
        if self.window is None:
            return self.start + seconds
        return self.window.after(seconds, self.start)


@dataclass(frozen=True, slots=True)
class Late:
    """What is missing: of `calls` only `in_time` can be made before the end."""

    calls: int
    in_time: int
    seconds: float
    """The least that all of them take."""
    open: float
    """The seconds in which they could be made."""
    done_at: float
    """When all would be made at the earliest, without an end (Unix seconds)."""
    limited_by: str
    limit_per_s: float
    rate: float | None
    """Calls a second with which all would be made in time; None if there is no time at all."""

    def to_dict(self) -> dict[str, Any]:
        """As a preview shows it."""
        return {
            "calls": self.calls,
            "in_time": self.in_time,
            "seconds": round(self.seconds, 1),
            "open_seconds": round(self.open, 1),
            "done_at": rfc3339(self.done_at * 1e6),
            "limited_by": self.limited_by,
            "limit_per_s": self.limit_per_s,
            "rate_needed_per_s": self.rate,
        }


def limits_of(app: App, operation_class: str, own: float | None = None, sender: str = "") -> Limits:
    """What holds calls of a class back in this app; `own` is the rate of their job.

    `sender` is whose session they go through, if through one.
    """
    settings, latency = app.settings, app.live.get("latency_ms")
    rates = {
        "app_rate": settings.rate,
        "class_rate": settings.classes.get(operation_class),
        "sender_rate": settings.classes.get(SENDER_CLASS) if sender else None,
        "job_rate": own,
    }
    rate, name = min((rate, name) for name, rate in rates.items() if rate)
    return Limits(
        rate=rate,
        # The narrower limits have none.
        burst=settings.burst if name == "app_rate" else 1,
        at_once=settings.max_in_flight,
        latency=latency / 1000 if latency else None,
        rate_name=name,
    )


def cannot_finish(calls: int, limits: Limits, hours: Hours) -> Late | None:
    """What is missing if so many calls cannot all be made in these hours; None if they can be.

    It is certain: what other jobs of the app take, and attempts that fail, come on top.
    """
    there, burst = hours.seconds, limits.burst * hours.rests
    most = float(there * limits.rate + burst) if there else 0.0
    if limits.latency:
        most = min(most, there * limits.at_once / limits.latency + limits.at_once)
    if calls <= most:
        return None
    least = forecast(calls, limits)
    return Late(
        calls=calls,
        in_time=int(most),
        seconds=least.seconds,
        open=there,
        done_at=hours.after(least.seconds),
        limited_by=least.limited_by,
        limit_per_s=limits.rate,
        rate=math.ceil(max(calls - burst, 1) / there * 10) / 10 if there else None,
    )


def refusal(late: Late, hours: Hours, app: str) -> InvalidInput:
    """The same in three lines, for whoever ordered it."""
    end = f"{_at(hours.end, hours.window)} ({lasting(hours.end - hours.start)} from its start)"
    inside = f", {lasting(late.open)} of it inside its window" if hours.window else ""
    why = (
        f"{late.calls:,} calls take {lasting(late.seconds)} at least, limited by {late.limited_by}"
        f" ({late.limit_per_s:g}/s); it ends at {end}{inside}: {late.in_time:,} could be made"
    )
    later = f"a later --end-at (all would be made by {_at(late.done_at, hours.window)})"
    more = _more(late, app)
    to_do = f"give {f'{more}, ' if more else ''}{later}, or --force-late to make what is possible"
    return InvalidInput("it cannot finish in time; nothing was sent", why=why, to_do=to_do)


def _more(late: Late, app: str) -> str:
    if late.rate is None:
        return ""
    if late.limited_by == "job_rate":
        return f"--rate {late.rate:g}/s or more"
    if late.limited_by == "max_in_flight":
        return f"the app more calls at once (`bulkhead apps set {app} --max-in-flight N`)"
    return f"the app {late.rate:g}/s or more (`bulkhead apps set {app}`)"


def _at(instant: float, window: Window | None) -> str:
    if window is None:
        return rfc3339(instant * 1e6) or ""
    there = datetime.fromtimestamp(instant, zone_named(window.zone))
    return f"{there:%Y-%m-%d %H:%M} {window.zone}"
