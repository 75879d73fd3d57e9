"""What one app of a rotation carries: its files, and options and probe where it has its own."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.outcome import Done, Next, Refused, Upstream
from bulkhead.model.push import UploadRow
from bulkhead.model.rotation import COLUMNS, OPTIONS, UNDO_OPTIONS, VERIFY, RotationRow
from bulkhead.model.slice import Report
from tasks import operation
from tasks.remember import remember

NEW, OLD = UploadRow("cred_1", "fcm", "", "new.json"), UploadRow("cred_0", "fcm", "", "old.json")
SAID = Upstream("pushset", 200)


def facts(**params):
    return JobFacts("creds.rotate", {}, params, {})


def item(**own):
    return Item(0, 1, RotationRow(NEW, "acme/shop", OLD, **own).cells())


@pytest.mark.parametrize(
    "row",
    [
        RotationRow(NEW, "acme/shop", None),
        RotationRow(NEW, "acme/shop", OLD, {"sound": True}, "ann"),
        RotationRow(NEW, "acme/shop", OLD, {}, ""),
    ],
)
def test_a_row_is_read_as_it_was_written(row):
    assert len(row.cells()) == len(COLUMNS)
    assert RotationRow.of(row.cells()) == row


def test_a_row_of_a_job_from_before_plans_has_nothing_of_its_own():
    cells = RotationRow(NEW, "acme/shop", OLD).cells()[:9]

    assert RotationRow.of(cells) == RotationRow(NEW, "acme/shop", OLD)


def test_an_apps_own_options_and_probe_win_over_those_of_the_job():
    told = facts(options={"sound": True}, address="probe")

    calls = [
        operation.prepare(told, item(**own), step).members["push"]
        for own in ({}, {"options": {"collapse": False}, "address": "ann"})
        for step in (OPTIONS, VERIFY)
    ]

    assert calls == [
        {"sound": True},
        {"address": "probe"},
        {"collapse": False},
        {"address": "ann"},
    ]


def test_an_app_with_no_options_of_its_own_choice_goes_on_without():
    told = facts(options={"sound": True}, verify="none")

    outcome = operation.conclude(told, item(options={}), "", None, Done(SAID))

    assert isinstance(outcome, Done)


@pytest.mark.parametrize(
    ("outcome", "noted"),
    [
        (Done(SAID), ["sound"]),
        (Next(VERIFY, SAID), ["sound"]),
        (Next(UNDO_OPTIONS), []),
        (Refused("OPTIONS_REFUSED", "no", SAID), []),
    ],
)
def test_options_are_on_the_record_once_they_were_taken(outcome, noted):
    report = Report("1", "acme/shop", "job_1", 1)

    remember(report, facts(options={"sound": True}), OPTIONS, item(), outcome)

    assert [name for part, name, _ in report.push if part == "push_options"] == noted
