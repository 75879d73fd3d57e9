"""A worker's report as `settle.lua` reads it."""

from __future__ import annotations

from bulkhead.model.ranges import write_ranges
from bulkhead.model.slice import Report

FIRST_LINES = 5


def entry_of(report: Report) -> dict[str, object]:
    """The entry of a report; the numbers of its packed values are put in by its sender."""
    return {
        **_seldom(report),
        "lease": report.lease,
        "job": report.job,
        "app": report.app,
        "app_version": report.app_version,
        "seq": report.seq,
        "last": report.last,
        "left": report.left,
        **_items(report),
        **_pace(report),
        "done": report.done,
        "forget": report.forget,
        "revoked": report.revoked,
        "stop": report.stop,
        "out": 0,
        "tokens": 0,
    }


def _seldom(report: Report) -> dict[str, object]:
    """What is left out where there is none."""
    told = {
        "wait": report.waits,
        "why": report.why,
        "creds": report.creds,
        "push": report.push,
        "groups": report.groups,
        "mids": report.mids,
    }
    return {name: found for name, found in told.items() if found}


def _items(report: Report) -> dict[str, object]:
    """What became of items."""
    return {
        "set": [[state, write_ranges(items)] for state, items in report.states.items() if items],
        "back": write_ranges(report.back),
        "again": write_ranges(report.again),
        "retry": report.retries,
        "next": [[step, write_ranges(items)] for step, items in report.next.items()],
        "free": report.free,
        "codes": [
            [code, len(lines), ",".join(map(str, lines[:FIRST_LINES]))]
            for code, lines in report.codes.items()
        ],
    }


def _pace(report: Report) -> dict[str, object]:
    """What the calls say about how fast the app may be called."""
    return {
        "stats": report.traffic.to_entry(),
        "calls": report.calls,
        "latency": report.latency,
        "throttled": report.throttled,
        "troubled": report.troubled,
        "after": report.after,
        "waiting": report.waiting,
        "lanes": report.lanes,
        "cool": report.cool,
    }
