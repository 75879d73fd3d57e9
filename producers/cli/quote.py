"""`--dry-run`: what a job would do and take, found out by reading; nothing is sent or made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.errors import NotFound
from bulkhead.model.app import App
from bulkhead.model.code import CODES
from bulkhead.model.forecast import Forecast, Limits, forecast
from producers.cli.follow import say_code
from producers.cli.output import chosen, show_one

if TYPE_CHECKING:
    from bulkhead.client import Entry
    from producers.cli.order import Order

FIRST_LINES = 5
NOT_VALID = 9
DUPLICATE = "DUPLICATE_IN_FILE"
NOTE = (
    "addresses that are not on our record for this app; some may be active this month already,"
    " so this is the most it can be"
)
Tally = dict[str, list[int]]
"""Code → [rows, line, line, …]: how many, and where the first of them stand."""


@dataclass(slots=True)
class Counted:
    """The rows of an input by what would become of them."""

    total: int = 0
    valid: int = 0
    duplicates: int = 0
    codes: Tally = field(default_factory=dict)

    @property
    def invalid(self) -> int:
        return self.total - self.valid - self.duplicates

    def to_dict(self) -> dict[str, int]:
        """The counts as JSON shows them; `total` is the sum of the next three."""
        return {
            "total": self.total,
            "valid": self.valid,
            "invalid": self.invalid,
            "duplicates": self.duplicates,
            "to_send": self.valid,
        }


def quote(jobs: Jobs, fleet: Fleet, order: Order) -> dict[str, Any]:
    """The quote as a document. Reads the whole input; memory does not grow with it."""
    request = order.request
    app = fleet.app(request.app)
    counted = _count(order.entries)
    calls = counted.valid * calls_an_item(request.kind, request.params)
    return {
        "dry_run": True,
        "kind": request.kind,
        "tenant": request.tenant,
        "app": app.id,
        "input": dict(order.describe()),
        "counts": counted.to_dict(),
        "errors_by_code": [_problem(code, told) for code, told in counted.codes.items()],
        "calls": calls,
        "duration": _duration(calls, app, _ahead(jobs, app.id)),
        "billable": {"at_most": counted.valid, "note": NOTE},
    }


def show_quote(document: Mapping[str, Any], form: str | None) -> int:
    """Print the quote; the exit code: 0, or 9 if a row is bad or none is valid."""
    counts = document["counts"]
    code = NOT_VALID if counts["invalid"] or not counts["valid"] else 0
    if chosen(form) != "table":
        show_one(document, form)
        return code
    show_one(_lines(document), form)
    for entry in document["errors_by_code"]:
        say_code(**entry)
    return code


def calls_an_item(kind: str, params: Mapping[str, Any]) -> int:
    """The calls that one item takes when each is answered at once: a token is a call of its own."""
    issues = kind == "users.import" and params.get("tokens", "none") != "none"
    return 2 if issues else 1


def _count(entries: Iterable[Entry]) -> Counted:
    counted = Counted()
    for line, _, code, _ in entries:
        counted.total += 1
        if not code:
            counted.valid += 1
            continue
        counted.duplicates += code == DUPLICATE
        told = counted.codes.setdefault(code, [0])
        told[0] += 1
        if len(told) <= FIRST_LINES:
            told.append(line)
    return counted


def _problem(code: str, told: list[int]) -> dict[str, Any]:
    count, *lines = told
    return {"code": code, "count": count, "first_lines": lines, "hint": CODES[code].fix}


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What the app's open jobs still have to do."""

    jobs: int
    items: int
    calls: int


def _ahead(jobs: Jobs, app: str) -> _Ahead:
    found = items = calls = 0
    for job in jobs.open_of(app):
        try:
            told = jobs.params(job.id)
        except NotFound:
            continue
        left = job.counts.pending + job.counts.in_flight
        found, items = found + 1, items + left
        calls += left * calls_an_item(job.kind, told)
    return _Ahead(found, items, calls)


def _duration(calls: int, app: App, ahead: _Ahead) -> dict[str, Any]:
    latency = app.live.get("latency_ms")
    limits = Limits(
        rate=app.settings.rate,
        burst=app.settings.burst,
        at_once=app.settings.max_in_flight,
        latency=latency / 1000 if latency else None,
    )
    alone: Forecast = forecast(calls, limits)
    last = forecast(calls + ahead.calls, limits)
    return {
        "seconds": round(alone.seconds, 1),
        "limited_by": alone.limited_by,
        "limit_per_s": limits.rate,
        "burst": limits.burst,
        "max_in_flight": limits.at_once,
        "latency_ms": latency,
        "app_state": app.state,
        "open_jobs": ahead.jobs,
        "open_items": ahead.items,
        "seconds_after_open_jobs": round(last.seconds, 1),
    }


def _lines(document: Mapping[str, Any]) -> dict[str, Any]:
    """The quote as a person reads it."""
    counts, takes = document["counts"], document["duration"]
    lines = {"dry_run": "nothing was sent, no job was made"}
    lines |= {"kind": document["kind"], "app": document["app"]}
    lines |= {name: f"{number:,}" for name, number in counts.items()}
    lines["calls"] = f"{document['calls']:,}"
    lines["duration"] = (
        f"{spoken(takes['seconds'])}, limited by {takes['limited_by']} "
        f"({takes['limit_per_s']:g}/s, burst {takes['burst']}, {takes['max_in_flight']} at once)"
    )
    if takes["open_jobs"]:
        lines["open_jobs"] = (
            f"{takes['open_jobs']} of this app with {takes['open_items']:,} items left: "
            f"{spoken(takes['seconds_after_open_jobs'])} if they all go first"
        )
    if takes["app_state"] != "active":
        lines["held_up"] = f"the app is {takes['app_state']}: nothing is sent until it goes on"
    most = document["billable"]["at_most"]
    lines["billable"] = f"at most {most:,} {'user' if most == 1 else 'users'}"
    return lines


def spoken(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"about {seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"about {minutes} min"
    return f"about {minutes // 60} h {minutes % 60} min"
