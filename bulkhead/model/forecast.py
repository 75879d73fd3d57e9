"""How long calls will take at the limits of an app: an estimate, made before any call is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds an app's calls back."""

    rate: float
    """Calls a second."""
    burst: int
    at_once: int
    """Calls in flight."""
    latency: float | None = None
    """Seconds that a call has taken on average lately; None before the first."""
    rate_name: str = "app_rate"
    """Whose rate it is: `app_rate`, `class_rate`, `sender_rate` or `job_rate`."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The least time that so many calls take, and which limit makes it so."""

    seconds: float
    limited_by: str
    """`max_in_flight`, or whose rate it is, as in the pace of a job."""


def forecast(calls: int, limits: Limits) -> Forecast:
    """The time for so many calls by an app that has rested and has enough workers."""
    by_rate = max(0, calls - limits.burst) / limits.rate
    by_flight = calls * (limits.latency or 0.0) / limits.at_once
    if by_flight > by_rate:
        return Forecast(by_flight, "max_in_flight")
    return Forecast(by_rate, limits.rate_name)
