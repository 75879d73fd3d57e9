"""The same people again: the record across jobs, tokens, deletions."""

import json
import time
from pathlib import Path

import pytest

from bulkhead.box import Box
from bulkhead.client import Entry, submit
from bulkhead.engine.draft import Request
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.record import Record
from bulkhead.engine.store_folder import secret_key
from bulkhead.engine.tokens import tokens
from tests.e2e.product import measured, people

ROWS = 3_000
APP = "acme/shop"
FAST = ("--rate", "5000/s", "--burst", "100", "--max-in-flight", "24")


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


def ask(product, kind, addresses, **params):
    """A job of this kind, waited for: its document."""
    mapping = {"width": 1, "address": 0}
    request = Request(kind, "acme", APP, ["address"], mapping, params)
    entries = [Entry(line + 2, [address]) for line, address in enumerate(addresses)]
    with product.look() as scripts:
        job = submit(scripts, request, entries, dict).id
    done = product.wait(job)
    assert done.code in (0, 3), done
    return done.json


def box(product):
    return Box(secret_key(product.home))


def results(product, job):
    with product.look() as scripts:
        return list(Jobs(scripts).results(job))


def issued(product, job):
    with product.look() as scripts:
        return dict(tokens(Jobs(scripts), box(product), job))


def test_an_unchanged_file_is_done_at_the_stores_speed_and_calls_nobody(product, sandbox):
    token = product.app(APP, sandbox, *FAST)
    file = people(product.home / "p.csv", ROWS)
    first = product.submit(file, APP)
    assert product.wait(first).json["counts"]["succeeded"] == ROWS
    called = sandbox.count(token)
    product.typed("apps", "set", APP, "--rate", "20/s", "--burst", "1")
    began = time.monotonic()

    again = product.wait(product.submit(file, APP)).json

    took = time.monotonic() - began
    assert again["state"] == "completed"
    assert again["counts"]["skipped"] == ROWS
    assert again["errors_by_code"] == []
    assert sandbox.count(token) == called
    row = results(product, again["id"])[0]
    assert (row.outcome, row.detail, row.attempts) == ("skipped", "already_done", 0)
    assert first in row.message
    measured(f"{ROWS} unchanged rows in {took:.1f} s, at a rate of 20/s allowed")


def test_a_changed_row_is_sent_and_force_sends_all(product, sandbox):
    token = product.app(APP, sandbox, *FAST)
    file = people(product.home / "p.csv", 40)
    product.wait(product.submit(file, APP))
    changed = product.home / "q.csv"
    changed.write_text(Path(file).read_text().replace("User 7\n", "Ulla\n"))

    second = product.wait(product.submit(str(changed), APP)).json
    called = sandbox.count(token)
    forced = ask(product, "users.import", [f"user{n}@example.com" for n in range(5)], force=True)

    assert (second["counts"]["succeeded"], second["counts"]["skipped"]) == (1, 39)
    assert called == 41
    assert forced["counts"]["succeeded"] == 5
    assert sandbox.count(token) == called + 5


def test_a_token_is_issued_once_a_user_and_only_where_the_record_has_none(product, sandbox):
    token = product.app(APP, sandbox, *FAST)
    addresses = [f"user{n}@example.com" for n in range(60)]
    plain = ask(product, "users.import", addresses[:20])
    missing = ask(product, "users.import", addresses, tokens="missing")
    again = ask(product, "users.import", addresses, tokens="missing")
    rotated = ask(product, "users.import", addresses[:5], tokens="rotate")

    assert [one["counts"]["succeeded"] for one in (plain, missing, again, rotated)] == [
        20,
        60,
        0,
        5,
    ]
    assert again["counts"]["skipped"] == 60
    assert sandbox.count(token) == 20 + 20 + 2 * 40 + 5
    assert sorted(issued(product, missing["id"])) == sorted(addresses)
    assert sorted(issued(product, rotated["id"])) == sorted(addresses[:5])
    assert issued(product, plain["id"]) == issued(product, again["id"]) == {}
    details = {row.key["address"]: row.detail for row in results(product, missing["id"])}
    assert details[addresses[0]] == "token_issued"
    assert details[addresses[59]] == "created_or_updated"
    written = json.dumps([row.to_dict() for row in results(product, missing["id"])])
    secrets = [one.reveal() for one in issued(product, missing["id"]).values()]
    logs = "".join(log.read_text() for log in product.home.glob("*.log"))
    assert not [one for one in secrets if one in written or one in logs]


def test_a_lost_answer_to_a_token_is_unknown_and_never_asked_for_again(product, sandbox):
    token = product.app(APP, sandbox, *FAST, "--read-timeout", "2s")
    addresses = [f"user{n}@example.com" for n in range(12)]
    ask(product, "users.import", addresses)
    sandbox.faults({"op": "useradd", "every": 3, "fault": "drop_after_commit"})

    done = ask(product, "users.import", addresses, tokens="missing")

    counts = done["counts"]
    assert counts["unknown"] > 0
    assert counts["unknown"] + counts["succeeded"] == 12
    assert sandbox.count(token) == 24
    assert len(issued(product, done["id"])) == counts["succeeded"]


def test_deleted_users_are_off_the_record_and_an_import_sends_them_again(product, sandbox):
    token = product.app(APP, sandbox, *FAST)
    addresses = [f"user{n}@example.com" for n in range(10)]
    ask(product, "users.import", addresses)
    sandbox.faults({"op": "userdel", "every": 2, "fault": "drop_after_commit"})

    deleted = ask(product, "users.delete", addresses[:6])

    sandbox.faults()
    assert deleted["counts"]["succeeded"] == 6, deleted
    details = sorted({row.detail for row in results(product, deleted["id"])})
    assert details == ["confirmed_by_read_back", "deleted"]
    with product.look() as scripts:
        assert sorted(e.address for e in Record(scripts).entries(APP)) == addresses[6:]
    again = ask(product, "users.import", addresses)
    assert (again["counts"]["succeeded"], again["counts"]["skipped"]) == (6, 4)
    assert sandbox.received(token)["by_op"]["userdel"] == 6


def test_tokens_are_issued_and_revoked_for_users_who_exist(product, sandbox):
    product.app(APP, sandbox, *FAST)
    ask(product, "users.import", ["ann"])

    given = ask(product, "users.tokens.issue", ["ann", "nobody"])
    taken = ask(product, "users.tokens.revoke", ["ann"])

    assert (given["counts"]["succeeded"], given["counts"]["failed"]) == (1, 1)
    assert list(issued(product, given["id"])) == ["ann"]
    assert results(product, taken["id"])[0].detail == "token_revoked"
    with product.look() as scripts:
        assert [entry.token for entry in Record(scripts).entries(APP)] == [False]
