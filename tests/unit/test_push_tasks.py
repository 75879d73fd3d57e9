"""What follows from the answers to calls about push."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts, Supply
from bulkhead.engine.credentials import Stored
from bulkhead.model.kind import FIRST, KINDS, READ_BACK, operation_class
from bulkhead.model.outcome import (
    Done,
    Next,
    Refused,
    Repeat,
    Retry,
    Skipped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.push import UploadRow
from bulkhead.model.slice import Report
from bulkhead.secrets import SecretBytes
from tasks import operation
from tasks.remember import remember

SAID = Upstream("pushupload", 200)
STORED = Stored("cred_1", "fcm", "k1", "fcm", "shop", None, None, None, "old.json", 5)
ROW = UploadRow("cred_1", "fcm", "", "new.json")


def facts(kind="creds.upload", **params):
    return JobFacts(kind, {}, params, {})


def item(held=None, supplied=True):
    supply = Supply(STORED, SecretBytes(b"bytes"), held) if supplied else None
    return Item(0, 1, ROW.cells(), supply)


def test_the_first_upload_is_checked_and_the_second_is_the_last():
    first = operation.prepare(facts(), item())
    second = operation.prepare(facts(), item(), READ_BACK)

    assert (first.repeat, second.repeat) == (Repeat.CHECK, Repeat.ONCE)
    assert first.upload == second.upload
    assert (first.upload.file_name, first.members) == ("new.json", {})
    steps = KINDS["creds.upload"].steps
    assert dict(steps) == {FIRST: first.repeat, READ_BACK: second.repeat}


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (Next(READ_BACK, SAID), (Retry, "NO_ANSWER", READ_BACK)),
        (Retry("UNLISTED", "a word", SAID), (Refused, "UNLISTED", None)),
        (Retry("BACKEND_UNREACHABLE", "never sent", SAID), (Retry, "BACKEND_UNREACHABLE", None)),
        (Unknown("sent", SAID), (Unknown, "NOT_CONFIRMED", None)),
        (Throttled("THROTTLED", "slow", SAID), (Throttled, "THROTTLED", None)),
    ],
)
def test_no_answer_leads_to_a_third_upload(said, becomes):
    outcome = operation.conclude(facts(), item(), FIRST, None, said)

    assert (type(outcome), outcome.code, getattr(outcome, "step", None)) == becomes


def test_an_upload_says_which_slot_it_filled_and_is_remembered_under_the_name_it_was_sent_by():
    outcome = operation.conclude(facts(), item(), FIRST, None, Done(SAID))
    report = Report("1", "acme/shop", "job_1", 1)

    remember(report, facts(), FIRST, item(), outcome)

    assert outcome.detail == "uploaded"
    assert outcome.upstream.details == {"slot": "fcm", "fingerprint": "k1"}
    ((slot, entry),) = report.creds
    assert slot == "fcm"
    assert '"file": "new.json"' in entry
    assert '"job": "job_1"' in entry


def test_what_the_slot_has_already_is_spared_unless_forced():
    held = STORED.in_slot("upload", "job_0")

    skipped = operation.sparing(facts(), FIRST)(item(held), None)

    assert (type(skipped), skipped.detail) == (Skipped, "already_done")
    assert "job_0" in skipped.message
    assert operation.sparing(facts(force=True), FIRST)(item(held), None) is None
    assert operation.sparing(facts(), FIRST)(item(), None) is None
    # The second upload is made whatever the record says by then: its answer is wanted.
    assert operation.sparing(facts(), READ_BACK)(item(held), None) is None


def test_a_file_that_is_kept_no_longer_or_cannot_be_opened_fails_with_its_reason():
    assert operation.prepare(facts(), item(supplied=False)).code == "FILE_NOT_KEPT"


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("creds.options", {}),
        ("creds.options", {"options": {"loud": True}}),
        ("creds.options", {"options": {}}),
        ("creds.test", {}),
        ("creds.debug", {}),
        ("creds.debug", {"duration": "soon"}),
    ],
)
def test_a_job_that_was_made_elsewhere_and_says_nothing_is_refused(kind, params):
    assert operation.prepare(facts(kind, **params), Item(0, 1, [])).code == "UNSENDABLE"


def test_a_debug_window_is_remembered_also_where_it_only_may_be_open():
    told = facts("creds.debug", duration=60)
    sure, unsure, refused = (Report("1", "acme/shop", "job_1", 1) for _ in range(3))

    remember(sure, told, FIRST, item(), Done(SAID))
    remember(unsure, told, FIRST, item(), Unknown("sent", SAID))
    remember(refused, told, FIRST, item(), Refused("REFUSED", "no", SAID))

    assert [one.push[0][2].count('"sure": true') for one in (sure, unsure)] == [1, 0]
    assert refused.push == []


def test_tests_and_uploads_have_a_class_of_their_own_raw_calls_too():
    assert operation_class("creds.test") == operation_class("call", "pushtest") == "push_test"
    assert operation_class("creds.upload") == operation_class("call", "pushupload")
    assert operation_class("creds.options") == operation_class("call", "pushset") == "provision"


def test_nothing_of_a_file_is_in_the_repr_of_an_item():
    assert "b'bytes'" not in repr(item()) + repr(item().supply)


@pytest.mark.parametrize(
    ("step", "doubted", "outcome", "ends"),
    [
        (FIRST, False, Refused("REFUSED", "no", SAID), True),
        # An earlier job's file may be there, or this job's own first one.
        (FIRST, True, Refused("REFUSED", "no", SAID), False),
        (READ_BACK, False, Refused("REFUSED", "no", SAID), False),
        (READ_BACK, False, Unknown("sent", SAID), False),
    ],
)
def test_a_refusal_ends_the_doubt_about_a_slot_only_where_nothing_else_was_sent(
    step, doubted, outcome, ends
):
    one = Item(0, 1, ROW.cells(), Supply(STORED, SecretBytes(b"bytes"), None, doubted))
    report = Report("1", "acme/shop", "job_1", 1)

    remember(report, facts(), step, one, outcome)

    assert report.push == ([("creds:doubt", "fcm", "")] if ends else [])
    assert report.creds == []
