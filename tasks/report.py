"""From what happened to what the store and the log are told."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from structlog import get_logger

from bulkhead.engine.cabinet import Item
from bulkhead.engine.verbs import Settled
from bulkhead.errors import BulkheadError
from bulkhead.model.kind import READ_BACK, RESENT
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
    Wait,
)
from bulkhead.model.ranges import write_ranges
from bulkhead.model.result import OUTCOMES, STATES
from bulkhead.model.slice import Begun, Report, Slice, Tries
from tasks.attempt import Finished
from tasks.clocks import Clocks
from tasks.operation import given_up
from tasks.remember import remember
from tasks.retry import Again, decide
from tasks.slice_run import SliceRun
from tasks.unconfirmed import counted, never_confirmed, sent_again
from worker import items
from worker.runtime import Runtime

_log = get_logger()

Final = tuple[int, str, str, str, dict[str, Any]]
"""Item state, detail, code, message and upstream of an outcome that ends an item."""

_NOT_FINAL = (Again, Next, Wait, Throttled, Stopped)

TROUBLE = frozenset(
    ("BACKEND_UNREACHABLE", "NO_ANSWER", "UPSTREAM_ERROR", "TLS_FAILED", "PROXY_FAILED")
)
"""What a backend in trouble answers, or leaves unanswered: its app slows down."""


LONG = (0.25, 1.0, 4.0, 16.0)
"""Seconds out after which a call that hangs is worth a report."""


def has_news(run: SliceRun) -> bool:
    """True while something has happened, or hangs, that the store does not know."""
    return run.has_news or _hangs(run) > run.told_waiting


def _hangs(run: SliceRun) -> float:
    """The longest of LONG that the oldest call has passed, 0 if none."""
    waiting = run.waiting
    return max((step for step in LONG if waiting >= step), default=0.0)


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
        if finished.called and not finished.shared:
            seconds.append(finished.seconds)
        if finished.call is not None:
            report.traffic.add(finished.call, finished.seconds)
        try:
            _fold(report, finished, run, clocks)
        except Exception:
            _log.exception("unexpected_error", app=report.app, job=report.job)
            _fold_surprise(report, finished, run)
    while run.unsent:
        report.back.append(run.unsent.popleft())
        run.left.discard(report.back[-1])
    report.calls = len(seconds)
    report.latency = max(1, round(sum(seconds) / len(seconds) * 1e6)) if seconds else 0
    report.left = write_ranges(run.left)
    if not done:
        _tell_of_calls_out(report, run)
    run.settled = done or leaving
    return report


def _tell_of_calls_out(report: Report, run: SliceRun) -> None:
    """How long the oldest call is out, and how many may still be at once."""
    run.told_waiting = _hangs(run)
    if run.told_waiting:
        report.waiting = round(run.waiting * 1e6)
    lanes = run.lanes
    if lanes < run.part.parallel:
        report.lanes = lanes


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
    report.troubled += run.way.backend and _counts(finished) and _is_trouble(finished.outcome)
    outcome = _decided(finished, run, clocks, tries, first_ms)
    final = None if isinstance(outcome, _NOT_FINAL) else _result(outcome)
    if run.lines_wanted:
        _log_item(report, finished, outcome, tries)
    # Nothing below this line can fail: a report holds all of an attempt, or nothing.
    if (finished.called or isinstance(outcome, Done)) and not isinstance(outcome, Again):
        remember(report, run.facts, run.part.operation, finished.item, outcome)
    report.free += finished.free
    if final is not None:
        if finished.item.why:
            report.why.append((index, ""))
        # An item may end without a call long after the one that it waited for.
        times = (tries if finished.called else before.count, first_ms, finished.started_ms)
        _add_row(report, finished.item, final, times)
        return
    _set_aside(report, finished, outcome, Tries(tries, first_ms), run)


def _counts(finished: Finished) -> bool:
    """True for what stands for a call: of items that shared one, the first."""
    return finished.called and not finished.shared


def _decided(
    finished: Finished, run: SliceRun, clocks: Clocks, tries: int, first_ms: int
) -> Outcome | Again:
    """What becomes of the item after so many tries, the first of them at `first_ms`."""
    outcome: Outcome | Again = sent_again(run.facts, run.part, finished.outcome)
    if isinstance(outcome, Retry):
        outcome = _after(outcome, tries, clocks.wall() - first_ms / 1000, run)
        if isinstance(outcome, Refused | Unknown):
            outcome = given_up(run.facts, finished.item, run.part.operation, outcome)
    return counted(run.facts, outcome)


def _set_aside(
    report: Report, finished: Finished, outcome: Outcome | Again, now: Tries, run: SliceRun
) -> None:
    """Add an item that goes on, with its tries as they are now."""
    index = finished.item.index
    match outcome:
        case Again(seconds, step):
            # What shared a call comes back together, and shares the next one.
            shared = finished.shared and report.retries
            pause = report.retries[-1][1] if shared else round(seconds * 1e6)
            report.retries.append((index, pause, now.count, now.first_at, step))
        case Next(step=step, why=why):
            report.next.setdefault(step, []).append(index)
            if why:
                report.why.append((index, why))
        case Wait(step=step, seconds=seconds, whom=whom):
            # From the call on that the event is an answer to.
            since = now.first_at if step == run.part.step else finished.started_ms
            made = now.count if finished.called else now.count - 1
            report.waits.append((index, round(seconds * 1e6), made, since, step, whom))
        case Throttled(after=after):
            report.again.append(index)
            report.throttled += _counts(finished)
            report.after = max(report.after, round((after or 0) * 1e6))
        case Stopped(code=code, message=message):
            report.again.append(index)
            report.stop = (code, message)
            report.app_version = run.begun.app_version


def _fold_surprise(report: Report, finished: Finished, run: SliceRun) -> None:
    """An item whose outcome we failed to fold: what is certain is whether it was called."""
    if finished.called:
        what = "the call was made, but Bulkhead failed to read what came of it"
        final = _result(counted(run.facts, Unknown(what)))
    else:
        what = "Bulkhead failed to read this item"
        final = _result(Refused("UNSENDABLE", what))
    times = (int(finished.called), finished.started_ms, finished.started_ms)
    _add_row(report, finished.item, final, times)


def _add_row(report: Report, item: Item, final: Final, times: tuple[int, int, int]) -> None:
    state, detail, code, message, upstream = final
    report.states.setdefault(state, []).append(item.index)
    if code:
        report.codes.setdefault(code, []).append(item.line)
    report.rows.append([item.index, state, detail, code, message, upstream, *times])


def _is_trouble(outcome: Outcome) -> bool:
    """True if the call failed as calls to a backend in trouble do."""
    if isinstance(outcome, Retry):
        return outcome.code in TROUBLE
    return isinstance(outcome, Unknown) or (isinstance(outcome, Next) and outcome.step == READ_BACK)


def _after(outcome: Retry, tries: int, age: float, run: SliceRun) -> Again | Refused | Unknown:
    """Another attempt, or the end of an item that has had its chances."""
    step = run.part.step if outcome.step is None else outcome.step
    decided = decide(outcome, tries, age, run.retry, step=step)
    if isinstance(decided, Refused) and step == READ_BACK:
        # That the question failed says nothing about what was asked after.
        message = f"sent, but not confirmed, and not to be read back: {decided.message}"
        return Unknown(message, outcome.upstream)
    if isinstance(decided, Refused) and step.endswith(RESENT):
        return never_confirmed(decided, outcome)
    return decided


def _result(outcome: Outcome | Again) -> Final:
    """What is kept of an outcome that is final. Raises TypeError for one that is not."""
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
