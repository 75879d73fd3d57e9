"""What happened to slices, told to the store: one bad report costs the others nothing."""

from __future__ import annotations

from structlog import get_logger

from bulkhead.errors import Unreachable
from bulkhead.model.slice import Report
from tasks import report
from tasks.clocks import Clocks
from tasks.slice_run import SliceRun
from worker.runtime import Runtime


def settle(runs: list[SliceRun], runtime: Runtime, clocks: Clocks) -> None:
    """Record what has happened since the last time, for all slices in one round trip."""
    leaving = runtime.stopping.over
    reports = []
    for slice_run in runs:
        if report.has_news(slice_run) or leaving:
            try:
                reports.append(report.of(slice_run, clocks, leaving=leaving))
            except Exception:
                give_up(slice_run.part.lease)
                slice_run.settled = True
    if reports:
        record(reports, runtime)
    for slice_run in runs:
        runtime.slots.narrow(slice_run.part, 0 if slice_run.settled else slice_run.lanes)


def record(reports: list[Report], runtime: Runtime) -> None:
    """Tell the store; a report that it does not take costs the others nothing."""
    try:
        answers = runtime.stopping.patiently(lambda: runtime.verbs.settle(reports))
    except Unreachable:
        raise
    except Exception:
        if len(reports) == 1:
            give_up(reports[0].lease)
            return
        # Reports are numbered: what was taken is not taken twice.
        for told in reports:
            record([told], runtime)
    else:
        report.tell(reports, answers)


def give_up(lease: str) -> None:
    """Say why a slice is left to its lease, which ends by itself."""
    get_logger().exception("parcel_failed", slices=[lease])
