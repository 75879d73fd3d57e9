"""From what happened to what the store and the log are told."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from structlog import get_logger

from bulkhead.engine.verbs import Settled
from bulkhead.errors import BulkheadError
from bulkhead.model.kind import READ_BACK
from bulkhead.model.outcome import (
    Done,
    Next,
    Outcome,
    Refused,
    Retry,
    Skipped,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.result import OUTCOMES, STATES
from bulkhead.model.slice import Begun, Report, Slice, Tries, write_ranges
from tasks.clocks import Clocks
from tasks.remember import remember
from tasks.retry import Again, decide
from tasks.slice_run import Finished, SliceRun
from worker import items
from worker.runtime import Runtime

_log = get_logger()

TROUBLE = frozenset(
    ("BACKEND_UNREACHABLE", "NO_ANSWER", "UPSTREAM_ERROR", "TLS_FAILED", "PROXY_FAILED")
)
"""What a backend in trouble answers, or leaves unanswered: its app slows down."""


def of(run: SliceRun, clocks: Clocks, *, leaving: bool) -> Report:
    """Everything that happened in a slice since its last report.

    `leaving` = this worker ends: what is still on the wire is left to the lease.
    """
    done = run.done
    run.seq += 1
    report = Report(run.part.lease, run.part.app, run.part.job, run.seq, last=done)
    seconds = []
    while run.finished:
        finished = run.finished.popleft()
        run.left.discard(finished.item.index)
        if finished.called:
            seconds.append(finished.seconds)
        if finished.call is not None:
            report.traffic.add(finished.call, finished.seconds)
        _fold(report, finished, run, clocks)
    while run.unsent:
        report.back.append(run.unsent.popleft())
        run.left.discard(report.back[-1])
    report.calls = len(seconds)
    report.latency = max(1, round(sum(seconds) / len(seconds) * 1e6)) if seconds else 0
    report.left = write_ranges(run.left)
    run.settled = done or leaving
    return report


def tell(reports: list[Report], answers: list[Settled]) -> None:
    """One line a slice at INFO; an app or a job that came to its end has a line of its own."""
    for report, answer in zip(reports, answers, strict=True):
        about = {"tenant": report.app.split("/")[0], "app": report.app, "job": report.job}
        counts = {OUTCOMES[state]: len(items) for state, items in report.states.items()}
        _log.info(
            "slice_finished",
            **about,
            slice=report.lease,
            outcome=answer.verdict,
            **counts,
            retried=len(report.retries),
            returned=len(report.back) + len(report.again),
            latency_ms=round(report.latency / 1000, 1),
        )
        if report.stop is not None:
            _log.error("app_stopped", **about, code=report.stop[0], why=report.stop[1])
        if report.cool is not None:
            _log.warning("app_cooling", **about, seconds=report.cool / 1e6)
        elif report.throttled:
            _log.warning("app_cooling", **about, seconds=report.after / 1e6)
        if answer.verdict == "ok" and answer.job_state.startswith("completed"):
            _log.info("job_finished", **about, outcome=answer.job_state)


def tell_opening(part: Slice, begun: Begun, runtime: Runtime) -> None:
    """At DEBUG, one line for each item that ended while the input was read.

    Whoever begins a job's first slice says it: no slice will ever report them.
    """
    if not begun.opens or not items.wanted():
        return
    with suppress(BulkheadError):
        rows = runtime.cabinet.opening_rows(part.job, begun.opens)
        items.tell(part.app, part.job, ((row[0], OUTCOMES[row[1]], row[3]) for row in rows))


def _fold(report: Report, finished: Finished, run: SliceRun, clocks: Clocks) -> None:
    """Add one attempt to the report."""
    index, before = finished.item.index, run.begun.tries.get(finished.item.index, Tries())
    first_ms = before.first_at or finished.started_ms
    tries = before.count + 1
    outcome: Outcome | Again = finished.outcome
    if isinstance(outcome, Retry):
        report.troubled += outcome.code in TROUBLE
        outcome = _after(outcome, tries, clocks.wall() - first_ms / 1000, run)
    _log_item(report, finished, outcome, tries)
    if finished.called and not isinstance(outcome, Again):
        remember(report, run.facts, run.part.step, finished.item, outcome)
    report.free += finished.free
    match outcome:
        case Again(seconds, step):
            report.retries.append((index, round(seconds * 1e6), tries, first_ms, step))
        case Next(step=step):
            report.next.setdefault(step, []).append(index)
        case Throttled(after=after):
            report.again.append(index)
            report.throttled += 1
            report.after = max(report.after, round((after or 0) * 1e6))
        case Stopped(code=code, message=message):
            report.again.append(index)
            report.stop = (code, message)
            report.app_version = run.begun.app_version
        case _:
            state, detail, code, message, upstream = _result(outcome)
            report.states.setdefault(state, []).append(index)
            if code:
                report.codes.setdefault(code, []).append(finished.item.line)
            times = (tries if finished.called else 0, first_ms, finished.started_ms)
            report.rows.append([index, state, detail, code, message, upstream, *times])


def _after(outcome: Retry, tries: int, age: float, run: SliceRun) -> Again | Refused | Unknown:
    """Another attempt, or the end of an item that has had its chances."""
    step = run.part.step if outcome.step is None else outcome.step
    decided = decide(outcome, tries, age, run.retry, step=step)
    if isinstance(decided, Refused) and step == READ_BACK:
        # That the question failed says nothing about what was asked after.
        message = f"sent, but not confirmed, and not to be read back: {decided.message}"
        return Unknown(message, outcome.upstream)
    return decided


def _result(outcome: Outcome | Again) -> tuple[int, str, str, str, dict[str, Any]]:
    """Item state, detail, code, message and upstream of an outcome that is final."""
    match outcome:
        case Done(upstream=upstream, detail=detail):
            return STATES["succeeded"], detail, "", "", _packed(upstream)
        case Skipped(detail=detail, code=code, message=message):
            return STATES["skipped"], detail, code or "", message, {}
        case Refused(code=code, message=message, upstream=upstream):
            return STATES["failed"], "", code, message, _packed(upstream)
        case Unknown(code=code, message=message, upstream=upstream):
            return STATES["unknown"], "", code, message, _packed(upstream)
    raise TypeError(f"{type(outcome).__name__} does not end an item")


def _packed(upstream: Upstream | None) -> dict[str, Any]:
    if upstream is None:
        return {}
    facts = {"op": upstream.op, "http_status": upstream.http_status, "error": upstream.error}
    return {name: value for name, value in facts.items() if value is not None} | dict(
        upstream.details
    )


def _log_item(report: Report, finished: Finished, outcome: Outcome | Again, tries: int) -> None:
    """One line an item at DEBUG; those with a final outcome add up to the job's counts."""
    final = isinstance(outcome, Done | Skipped | Refused | Unknown)
    upstream = getattr(finished.outcome, "upstream", None)
    _log.debug(
        "item_finished",
        tenant=report.app.split("/")[0],
        app=report.app,
        job=report.job,
        slice=report.lease,
        item=finished.item.index,
        op=upstream.op if upstream else None,
        attempt=tries if finished.called else 0,
        outcome=OUTCOMES[_result(outcome)[0]] if final else type(outcome).__name__.lower(),
        http_status=upstream.http_status if upstream else None,
        latency_ms=round(finished.seconds * 1000, 1),
        code=getattr(finished.outcome, "code", None),
    )
