"""Jobs ordered with objects: every row is accounted for, and nothing odd ends the input."""

import json
from datetime import datetime

import pytest

from bulkhead import ordering
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput, NotFound
from bulkhead.model.app import AppSettings
from bulkhead.ordering import Options

APP = "acme/shop"


@pytest.fixture
def scripts(redis):
    made = Scripts(redis)
    fleet = Fleet(made)
    fleet.add_tenant("acme")
    settings = AppSettings(base_url="https://api.example.com/backend/")
    fleet.add_app(APP, settings, SealedToken("box", "last", "print"))
    return made


def codes(job):
    return {entry.code: entry.count for entry in job.errors_by_code}


def test_objects_become_rows_numbered_from_one(scripts):
    job = ordering.import_users(
        scripts, ({"address": f"u{n}@example.com", "dept": n} for n in range(3)), app=APP
    )

    assert (job.kind, job.state, job.counts.pending) == ("users.import", "queued", 3)
    assert Jobs(scripts).segment(job.id, 0)[2] == [3, "u2@example.com", *[""] * 7, "2"]
    assert Jobs(scripts).columns(job.id)[-1] == "dept"
    assert job.input["rows"] == 3
    assert len(job.input["sha256"]) == 64


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("ann@example.com", "NOT_AN_OBJECT"),
        (None, "NOT_AN_OBJECT"),
        ([], "NOT_AN_OBJECT"),
        ({}, "ADDRESS_MISSING"),
        ({"address": "a,b"}, "ADDRESS_HAS_COMMA"),
        ({"address": "a\ud800"}, "INVALID_UTF8"),
        ({"address": "ann", "joined": datetime(2026, 1, 1)}, "UNSENDABLE"),
        ({"address": "ann", "active": "perhaps"}, "BAD_ACTIVE"),
    ],
)
def test_an_odd_row_fails_with_its_code_and_stops_no_other(scripts, row, code):
    rows = [{"address": "good@example.com"}, row, {"address": "also@example.com"}]

    job = ordering.import_users(scripts, rows, app=APP)

    assert codes(job) == {code: 1}
    assert (job.counts.pending, job.counts.failed) == (2, 1)
    [failed] = Jobs(scripts).results(job.id)
    assert failed.line == 2


def test_columns_that_no_row_has_have_no_name(scripts):
    job = ordering.import_users(scripts, [{"address": "ann", "dept": 7}, "odd"], app=APP)

    assert Jobs(scripts).columns(job.id) == ["address", *[None] * 7, "dept", "_text"]


def test_the_same_row_again_is_skipped_and_another_with_its_address_fails(scripts):
    rows = [{"address": "ann", "name": "A"}, {"address": "ann", "name": "A"}, {"address": "ann"}]

    job = ordering.import_users(scripts, rows, app=APP)

    assert (job.counts.pending, job.counts.skipped, job.counts.failed) == (1, 1, 1)
    assert codes(job) == {"DUPLICATE_IN_FILE": 1, "CONFLICTING_ROWS": 1}


@pytest.mark.parametrize("rows", [[], [{}], ["ann"]])
def test_without_a_valid_row_the_job_is_rejected(scripts, rows):
    job = ordering.import_users(scripts, rows, app=APP)

    assert (job.state, job.counts.failed) == ("rejected", len(rows))


def test_addresses_alone_are_enough_to_delete_or_to_revoke(scripts):
    rows = ["ann@example.com", {"address": "bob@example.com"}]

    deleting = ordering.delete_users(scripts, rows, app=APP)
    revoking = ordering.revoke_tokens(scripts, rows, app=APP)
    issuing = ordering.issue_tokens(scripts, rows, app=APP)

    repeats = [Jobs(scripts).fields(job.id)["repeat"] for job in (deleting, revoking, issuing)]
    assert [job.counts.pending for job in (deleting, revoking, issuing)] == [2, 2, 2]
    assert repeats == ["check", "safe", "once"]


def test_options_reach_the_job(scripts):
    options = Options(
        tokens="missing",
        force=True,
        idempotency_key="k",
        labels={"source": "hr"},
        priority="bulk",
        max_failures="50%",
        max_attempts=2,
    )

    job = ordering.import_users(
        scripts, [{"address": "a"}, {"address": "b"}], app=APP, options=options
    )

    kept = Jobs(scripts).fields(job.id)
    assert json.loads(kept["params"]) == {"tokens": "missing", "force": True}
    assert (kept["weight"], kept["max_failures"], kept["max_attempts"]) == ("1", "1", "2")
    assert (job.labels, job.idempotency_key) == ({"source": "hr"}, "k")


def test_the_same_key_with_other_rows_is_a_conflict_and_with_the_same_the_same_job(scripts):
    options = Options(idempotency_key="onboard")
    first = ordering.import_users(scripts, [{"address": "a"}], app=APP, options=options)

    again = ordering.import_users(scripts, [{"address": "a"}], app=APP, options=options)
    with pytest.raises(Conflict):
        ordering.import_users(scripts, [{"address": "b"}], app=APP, options=options)

    assert again.id == first.id


def test_an_app_that_is_not_there_is_said_before_a_row_is_read(scripts):
    rows = iter([{"address": "a"}])

    with pytest.raises(NotFound):
        ordering.import_users(scripts, rows, app="acme/none")

    assert next(rows) == {"address": "a"}


def test_what_the_rows_raise_ends_the_order_and_leaves_nothing(scripts):
    def rows():
        yield {"address": "a"}
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        ordering.import_users(scripts, rows(), app=APP)

    assert Jobs(scripts).newest() == []


@pytest.mark.parametrize(
    ("op", "body", "repeat"),
    [
        ("usersget", {"count": 1}, "safe"),
        ("useradd", {"user": {"address": "ann"}}, "safe"),
        ("useradd", {"user": {"address": "ann", "token": {"expiry": 60}}}, "once"),
        ("message", {"from": "news", "to": "ann", "message": "Hello"}, "once"),
    ],
)
def test_a_raw_call_is_a_job_of_one_item_that_knows_whether_it_may_be_repeated(
    scripts, op, body, repeat
):
    job = ordering.call(scripts, op, body, app=APP)

    kept = Jobs(scripts).fields(job.id)
    assert (job.kind, job.counts.total, kept["repeat"]) == ("call", 1, repeat)
    assert json.loads(kept["params"]) == {"op": op, "body": body}


@pytest.mark.parametrize(
    ("op", "body"),
    [
        ("user add", {}),
        ("pushupload", {}),
        ("useradd", {"token": "t"}),
        ("useradd", {"op": "userdel"}),
        ("useradd", {"user": {"name": "\ud800"}}),
        ("useradd", {"n": float("nan")}),
        ("message", {"message": "x" * ordering.LARGEST_BODY}),
    ],
)
def test_a_raw_call_that_cannot_be_made_is_refused_at_once(scripts, op, body):
    with pytest.raises(InvalidInput):
        ordering.call(scripts, op, body, app=APP)

    assert Jobs(scripts).newest() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": "all"},
        {"priority": "high"},
        {"max_failures": "many"},
        {"max_attempts": 0},
        {"labels": {"n": 1}},
    ],
)
def test_an_option_that_makes_no_sense_is_named(wrong):
    with pytest.raises(InvalidInput) as caught:
        Options(**wrong)

    assert next(iter(wrong)) in caught.value.what


@pytest.mark.parametrize("name", ["at", "deadline"])
@pytest.mark.parametrize("instant", [1e18, -1.0, float("nan"), 253402343999.0])
def test_a_time_that_no_document_can_show_is_refused(name, instant):
    with pytest.raises(InvalidInput):
        Options(**{name: instant})
