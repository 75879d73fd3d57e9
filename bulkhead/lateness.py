"""Whether a job that is asked for can be done before its end."""

from __future__ import annotations

import time
from collections.abc import Callable

from bulkhead.engine.fleet import Fleet
from bulkhead.engine.request import Request
from bulkhead.engine.script import Scripts
from bulkhead.model.in_time import Hours, Late, cannot_finish, limits_of, refusal
from bulkhead.model.kind import operation_class
from bulkhead.model.window import parse_window


def hours_of(request: Request, clock: Callable[[], float] = time.time) -> Hours | None:
    """When the calls of a job may be made; None where it has no end."""
    if request.deadline is None:
        return None
    window = parse_window(request.window) if request.window else None
    return Hours(max(clock(), request.at or 0.0), request.deadline, window)


def from_first_to_last(
    request: Request, seconds: float, limit: float, clock: Callable[[], float] = time.time
) -> float:
    """Seconds between the first and the last of a job's calls, which take so many by themselves.

    They are more where the job has a window, by the rests outside it; how much more is not worked
    out for calls that by themselves take longer than `limit`.
    """
    if not request.window or seconds > limit:
        return seconds
    window = parse_window(request.window)
    first = window.after(0, max(clock(), request.at or 0.0))
    return window.after(seconds, first) - first


def lateness(scripts: Scripts, request: Request, calls: int) -> Late | None:
    """What is missing if these calls of a job cannot all be made before its end."""
    hours = hours_of(request)
    if hours is None:
        return None
    named = operation_class(request.kind, str(request.params.get("op", "")))
    limits = limits_of(Fleet(scripts).app(request.app), named, request.rate, request.sender)
    return cannot_finish(calls, limits, hours)


def refuse_late(scripts: Scripts, request: Request, calls: int) -> None:
    """Raises InvalidInput if these calls of a job cannot all be made before its end."""
    hours, late = hours_of(request), lateness(scripts, request, calls)
    if hours is not None and late is not None:
        raise refusal(late, hours, request.app)
