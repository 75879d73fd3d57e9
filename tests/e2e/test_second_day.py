"""The day after: the rows that failed are fixed and imported, then the whole file once more."""

import csv
import io

import pytest

from tests.e2e.product import until
from tests.e2e.typed import typed

LIMITS = ("--rate", "2000/s", "--burst", "100")
GOOD = 40
BAD = {
    "ADDRESS_HAS_COMMA": '"bob,jr@example.com";Bob;yes;x\r\n',
    "ADDRESS_MISSING": ";Nobody;no;x\r\n",
    "BAD_ACTIVE": "carla@example.com;Carla;maybe;x\r\n",
    "TOO_MANY_CELLS": "dora@example.com;Dora;yes;x;more\r\n",
    "TOO_FEW_CELLS": "finn@example.com;Finn\r\n",
    "CONFLICTING_ROWS": "user3@example.com;Somebody else;yes;x\r\n",
}
FIXED = {
    "bob,jr@example.com": "bob.jr@example.com",
    "": "nobody@example.com",
    "maybe": "yes",
    "<missing>": "",
    "user3@example.com": "user3b@example.com",
}


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


def messy(path):
    """BOM, semicolons, CRLF, line breaks in quotes, formulas, duplicates, conflicts, bad rows."""
    lines = ["\ufeffAddress;Name;Active;Department\r\n"]
    lines += [f"user{n}@example.com;User {n};yes;x\r\n" for n in range(GOOD)]
    lines += [
        'eve@example.com;"Eve\r\nof two lines";yes;x\r\n',
        "+49170@example.com;=1+1;no;-x\r\n",
    ]
    lines += ["user1@example.com;User 1;yes;x\r\n", "user2@example.com;User 2;yes;x\r\n"]
    lines += BAD.values()
    path.write_bytes("".join(lines).encode())
    return str(path)


def fixed(text):
    """The errors file as a person leaves it: each bad cell mended, our columns untouched."""
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    width = header.index("_line")
    mended = [[FIXED.get(cell, cell) for cell in row[:width]] + row[width:] for row in rows]
    out = io.StringIO(newline="")
    # A cell too many follows our columns: the person takes it away.
    csv.writer(out).writerows([header, *(row[: len(header)] for row in mended)])
    return out.getvalue()


def codes(job):
    return {one["code"]: one["count"] for one in job["errors_by_code"]}


def test_a_messy_file_its_errors_mended_and_the_whole_file_again(product, sandbox):
    token = product.app("acme/shop", sandbox, *LIMITS)
    file = messy(product.home / "messy.csv")
    on = ("--app", "acme/shop", "--wait", "-o", "json")

    first = product.typed("users", "import", file, *on)
    errors = product.typed("jobs", "errors", first.json["id"], "-o", "csv")
    calls_of_first = sandbox.count(token)
    mended = product.home / "errors.csv"
    mended.write_text(fixed(errors.out), "utf-8", newline="")
    second = product.typed("users", "import", str(mended), *on)
    calls_of_second = sandbox.count(token) - calls_of_first
    third = product.typed("users", "import", file, *on)
    calls_of_third = sandbox.count(token) - calls_of_first - calls_of_second

    counts = first.json["counts"]
    assert first.code == 3, first
    assert codes(first.json) == dict.fromkeys(BAD, 1) | {"DUPLICATE_IN_FILE": 2}
    assert (counts["succeeded"], counts["skipped"], counts["failed"]) == (GOOD + 2, 2, len(BAD))
    assert counts["total"] == GOOD + 2 + 2 + len(BAD)
    assert second.code == 0, second
    assert second.json["counts"]["succeeded"] == second.json["counts"]["total"] == len(BAD)
    assert calls_of_second == len(BAD)
    assert third.code == 3
    assert third.json["counts"]["skipped"] == GOOD + 2 + 2
    assert codes(third.json) == codes(first.json)
    assert calls_of_third == 0
    record = sandbox.received(token)
    assert record["distinct_keys"] == record["requests"] == GOOD + 2 + len(BAD)
    (same,) = [
        row
        for row in product.typed("jobs", "results", third.json["id"], "-o", "json").json
        if row["key"]["address"] == "user7@example.com"
    ]
    assert (same["outcome"], same["detail"]) == ("skipped", "already_done")
    assert first.json["id"] in same["message"]


def test_the_same_key_is_the_same_job_across_a_wait_and_other_content_is_a_conflict(
    product, sandbox
):
    token = product.app("acme/shop", sandbox, *LIMITS)
    file = product.home / "keyed.csv"
    file.write_text("address\nann@example.com\nbob@example.com\n")
    words = ("users", "import", str(file), "--app", "acme/shop", "--idempotency-key", "keyed-1")

    accepted = product.typed(*words, "-o", "json")
    waited = product.typed(*words, "--wait", "-o", "json")
    again = product.typed(*words, "--wait", "-o", "json")
    file.write_text("address\nann@example.com\ncarla@example.com\n")
    changed = product.typed(*words, "--wait", "-o", "json")
    forced = product.typed(*words, "--force", "-o", "json")

    assert [done.code for done in (accepted, waited, again)] == [0, 0, 0]
    assert accepted.json["id"] == waited.json["id"]
    assert waited.json == again.json
    assert (changed.code, changed.out) == (7, "")
    assert forced.code == 7
    assert waited.json["id"] in changed.err
    assert sandbox.count(token) == 2


def test_a_file_imported_under_way_can_be_read_at_any_moment_and_after_a_cancel(product, sandbox):
    token = product.app("acme/shop", sandbox, "--rate", "4/s", "--burst", "1")
    file = messy(product.home / "messy.csv")
    out = str(product.home / "running.jsonl")
    words = ("--tokens", "rotate", "-o", "json")
    job = typed(product, "users", "import", file, "--app", "acme/shop", *words).json["id"]
    until(lambda: sandbox.count(token) >= 5)

    results = typed(product, "jobs", "results", job, "-o", "json")
    errors = typed(product, "jobs", "errors", job, "-o", "csv")
    tokens = typed(product, "jobs", "tokens", job, "--out", out, "-o", "json")
    cancelled = typed(product, "jobs", "cancel", job, "-o", "json")

    assert [done.code for done in (results, errors, tokens, cancelled)] == [0] * 4
    assert cancelled.json["state"] == "cancelled", cancelled
    assert len(errors.out.splitlines()) == 1 + len(BAD)
    until(lambda: product.job(job)["counts"]["in_flight"] == 0)
    counts = product.job(job)["counts"]
    after = typed(product, "jobs", "results", job, "-o", "json").json
    assert len(results.json) <= len(after) == counts["total"]
    assert typed(product, "jobs", "errors", job, "-o", "csv").out == errors.out
    later = typed(product, "jobs", "tokens", job, "--out", f"{out}.later", "-o", "json")
    assert later.code == 0
    assert later.json["tokens"] >= tokens.json["tokens"]
