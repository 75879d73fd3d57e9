"""`--dry-run`: what a job would do and take, found out by reading; nothing is sent or made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.record import Record
from bulkhead.engine.script import Scripts
from bulkhead.errors import NotFound
from bulkhead.lateness import lateness
from bulkhead.model.app import App
from bulkhead.model.forecast import Limits, forecast
from bulkhead.model.kind import FIRST, KINDS
from bulkhead.model.push import UploadRow
from bulkhead.model.shape import SHAPES
from producers.cli.follow import say_code
from producers.cli.group_quote import quote_groups
from producers.cli.history import Counted, Foreseen, History
from producers.cli.output import chosen, show_one
from producers.rows.row import rows_of
from producers.rows.survey import Survey

if TYPE_CHECKING:
    from producers.cli.order import Order

NOT_VALID = 9
NOTE = (
    "users who would be called and were not yet called through us in this calendar month (UTC);"
    " some may be active already, so this is the most it can be"
)


_Counting = Callable[[Scripts, "Order"], tuple[Counted, list[dict[str, Any]], Foreseen]]


def quote(scripts: Scripts, order: Order) -> dict[str, Any]:
    """The quote as a document.

    Reads the whole input, keeping some 25 bytes a row. Raises what reading raises, NotFound
    (app) and Unreachable.
    """
    request = order.request
    app = Fleet(scripts).app(request.app)
    counted, codes, will = _counting(request)(scripts, order)
    late = lateness(scripts, request, will.calls)
    return {
        "dry_run": True,
        "kind": request.kind,
        "tenant": request.tenant,
        "app": app.id,
        "input": dict(order.describe()),
        "counts": asdict(counted),
        "errors_by_code": codes,
        "calls": will.calls,
        **({"note": will.note} if will.note else {}),
        "duration": duration_of(will.calls, app, request.rate, ahead_of(Jobs(scripts), app.id)),
        **({"late": late and late.to_dict()} if request.deadline is not None else {}),
        "billable": {"at_most": will.billable, "new_to_us": will.new, "note": NOTE},
    }


def _counting(request: Request) -> _Counting:
    if request.kind in SHAPES:
        return quote_groups
    if request.kind == "creds.upload":
        return _of_files
    return _of_users if request.kind.startswith("users.") else _of_calls


def _of_users(scripts: Scripts, order: Order) -> tuple[Counted, list[dict[str, Any]], Foreseen]:
    """Rows that are people: each is checked, compared with the others, and looked up."""
    request = order.request
    history = History(Record(scripts), request)
    survey = Survey(history.listen(rows_of(order.batches)), request.mapping, request.columns)
    will = history.foreseen(survey.repeated)
    counted = Counted(
        total=survey.rows,
        valid=survey.valid,
        invalid=survey.invalid,
        duplicates=survey.skipped,
        already_done=will.already_done,
        to_send=survey.valid - will.already_done,
    )
    return counted, survey.errors_by_code(), will


def _of_calls(scripts: Scripts, order: Order) -> tuple[Counted, list[dict[str, Any]], Foreseen]:
    """Calls that were ordered as they are: nothing about them is on the record."""
    del scripts
    request = order.request
    survey = Survey(rows_of(order.batches), request.mapping, request.columns)
    known, left = KINDS.get(request.kind), survey.valid
    calls = -(-left // (known.joins.get(FIRST, 1) if known else 1))
    counted = Counted(survey.rows, left, survey.invalid, survey.skipped, 0, to_send=left)
    # Push settings make nobody active.
    users = 0 if request.kind.startswith("creds.") else left
    will = Foreseen(already_done=0, calls=calls, billable=users, new=users)
    return counted, survey.errors_by_code(), will


def _of_files(scripts: Scripts, order: Order) -> tuple[Counted, list[dict[str, Any]], Foreseen]:
    """Credentials: those that are in their slots by our record are not sent."""
    rows = [UploadRow.of(cells) for batch in order.batches for cells in batch.cells]
    record, app = PushRecord(scripts), order.request.app
    doubts = record.doubts(app)
    held = {(slot, one.credential) for slot, one in record.slots(app).items() if slot not in doubts}
    done = (
        0
        if order.request.params.get("force")
        else sum((row.slot, row.credential) in held for row in rows)
    )
    left = len(rows) - done
    counted = Counted(len(rows), len(rows), 0, 0, already_done=done, to_send=left)
    return counted, [], Foreseen(already_done=done, calls=left, billable=0, new=0)


def show_quote(document: Mapping[str, Any], form: str | None) -> int:
    """Print the quote; the exit code: 0, or 9 if a row is bad, none is valid or it is too late."""
    counts = document["counts"]
    late = document.get("late")
    code = NOT_VALID if counts["invalid"] or not counts["valid"] or late else 0
    if chosen(form) != "table":
        show_one(document, form)
        return code
    show_one(_lines(document), form)
    for entry in document["errors_by_code"]:
        say_code(**entry)
    return code


def calls_an_item(kind: str, params: Mapping[str, Any]) -> int:
    """The most calls that one item takes when each is answered: a token is a call of its own."""
    issues = kind == "users.import" and params.get("tokens", "none") != "none"
    return 2 if issues else 1


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the app's open jobs still have to do."""

    jobs: int
    items: int
    calls: int


def ahead_of(jobs: Jobs, app: str, but: str = "") -> Ahead:
    """What the app's open jobs have left, all `but` one."""
    found = items = calls = 0
    for job in jobs.open_of(app):
        if job.id == but:
            continue
        try:
            told = jobs.params(job.id)
        except NotFound:
            continue
        left = job.counts.pending + job.counts.in_flight
        found, items = found + 1, items + left
        calls += left * calls_an_item(job.kind, told)
    return Ahead(found, items, calls)


def duration_of(calls: int, app: App, own: float | None, ahead: Ahead) -> dict[str, Any]:
    """How long so many calls take, alone and behind what is ahead; `own` is a rate of theirs."""
    latency = app.live.get("latency_ms")
    limits = Limits(
        rate=app.settings.rate,
        burst=app.settings.burst,
        at_once=app.settings.max_in_flight,
        latency=latency / 1000 if latency else None,
    )
    alone, last = forecast(calls, limits), forecast(calls + ahead.calls, limits)
    if own is not None and own < limits.rate:
        limits = replace(limits, rate=own, burst=1)
        alone = forecast(calls, limits)
        alone = replace(alone, limited_by=alone.limited_by.replace("app_rate", "job_rate"))
        last = max(alone, last, key=lambda one: one.seconds)
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
    if late := document.get("late"):
        lines["too_late"] = (
            f"only {late['in_time']:,} of its calls can be made before its end;"
            f" all would be made by {late['done_at']}"
        )
    if takes["app_state"] != "active":
        lines["held_up"] = f"the app is {takes['app_state']}: nothing is sent until it goes on"
    if "note" in document:
        lines["note"] = document["note"]
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
