"""Items that no slice reports have a DEBUG line all the same."""

import logging
from types import SimpleNamespace

import structlog
from structlog.testing import capture_logs

from bulkhead.engine.verbs import Reaped
from bulkhead.model.slice import Begun, Slice
from tasks import report
from worker import items

PART = Slice("1", "acme/shop", "job_1", "users.import", ((0, 1),), 1, (0, 0))


def items_in(lines):
    return [
        (line["item"], line["outcome"], line["code"])
        for line in lines
        if line["event"] == "item_finished"
    ]


def test_each_item_that_a_reaper_ended_has_a_line_and_one_that_runs_again_has_none():
    unknown = Reaped("1", "job_1", "acme/shop", 0, 2, 0, ((3, 4),))
    poison = Reaped("2", "job_1", "acme/shop", 0, 0, 1, ((9, 9),))
    again = Reaped("3", "job_1", "acme/shop", 5, 0, 0, ((10, 14),))

    with capture_logs() as lines:
        for reaped in (unknown, poison, again):
            items.tell_reaped(reaped)

    assert items_in(lines) == [
        (3, "unknown", "NOT_CONFIRMED"),
        (4, "unknown", "NOT_CONFIRMED"),
        (9, "failed", "POISON"),
    ]


def test_the_first_slice_of_a_job_tells_what_was_refused_while_reading():
    rows = [[5, 4, "", "ADDRESS_HAS_COMMA", "a comma", {}, 0, 1, 1]]
    rows += [[7, 3, "", "DUPLICATE_IN_FILE", "again", {}, 0, 1, 1]]
    cabinet = SimpleNamespace(opening_rows=lambda job, chunks: rows[:chunks])
    runtime = SimpleNamespace(cabinet=cabinet)

    with capture_logs() as lines:
        report.tell_opening(PART, Begun(1, 0, "1", {}, opens=2), runtime)
        report.tell_opening(PART, Begun(1, 0, "1", {}, opens=None), runtime)

    assert items_in(lines) == [
        (5, "failed", "ADDRESS_HAS_COMMA"),
        (7, "skipped", "DUPLICATE_IN_FILE"),
    ]


def test_nothing_is_read_for_lines_that_nobody_wants():
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        report.tell_opening(PART, Begun(1, 0, "1", {}, opens=2), SimpleNamespace(cabinet=None))
    finally:
        structlog.configure(**before)
