"""What a script relies on: one document on stdout, exact members, the exit code that tells how."""

import csv
import io
import json
import re

import pytest
import requests

from tests.e2e.product import people, until
from tests.e2e.typed import typed

DOCUMENT = {
    *("id", "kind", "tenant", "app", "state", "version", "labels", "idempotency_key", "input"),
    *("counts", "errors_by_code", "pace", "attempts", "times", "results_expire_at", "parent"),
    "links",
}
COUNTS = ("pending", "in_flight", "succeeded", "skipped", "failed", "unknown", "cancelled")
ROW = {
    *("custom_id", "line", "app", "key", "outcome", "detail", "code", "message", "hint"),
    *("retryable", "upstream", "attempts", "first_attempt_at", "last_attempt_at"),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOOKS = (
    *("version", "status", "health", "config show", "doctor", "errors list", "workers list"),
    *("tenants list", "tenants show demo", "apps list", "apps show demo/shop", "jobs list"),
)
LISTS = ("errors list", "workers list", "tenants list", "apps list", "jobs list")


@pytest.fixture(scope="module", autouse=True)
def _without_words(site):
    site.forget_words()


@pytest.fixture(autouse=True)
def without_faults(site):
    set_faults(site)
    yield
    set_faults(site)


def set_faults(site, *rules):
    answer = requests.post(f"{site.sandbox}/_sandbox/faults", json=list(rules), timeout=60)
    assert answer.ok, answer.text


def imported(site, rows, *words, app="demo/shop"):
    text = "address\n" + "".join(f"{row}\n" for row in rows)
    return typed(
        site, "users", "import", "-", "--app", app, "--wait", "-o", "json", *words, stdin=text
    )


def conserved(counts):
    return counts["total"] == sum(number for name, number in counts.items() if name != "total")


@pytest.mark.parametrize("command", LOOKS)
def test_json_is_exactly_one_value_and_nothing_else(site, command):
    done = typed(site, *command.split(), "-o", "json")

    assert isinstance(json.loads(done.out), list if command in LISTS else dict), done


@pytest.mark.parametrize("command", LOOKS)
def test_jsonl_csv_and_tables_hold_the_same_number_of_things(site, command):
    whole = json.loads(typed(site, *command.split(), "-o", "json").out)
    lines = typed(site, *command.split(), "-o", "jsonl").out.splitlines()
    cells = list(csv.reader(io.StringIO(typed(site, *command.split(), "-o", "csv").out)))
    table = typed(site, *command.split(), "-o", "table").out

    assert all(isinstance(json.loads(line), dict) for line in lines)
    if isinstance(whole, list):
        assert len(lines) == len(whole)
        assert len(cells) == len(whole) + 1
        assert len(table.splitlines()) == len(whole) + 1
    assert len({len(row) for row in cells}) == 1
    assert table.strip()
    assert "\x1b" not in table


def test_without_a_terminal_the_output_is_json(site):
    assert isinstance(typed(site, "apps", "list").json, list)


def test_the_job_document_has_exactly_the_contracts_members(site):
    words = ("--label", "source=hr", "--idempotency-key", "doc-1", "--priority", "bulk")

    done = imported(site, ["doc1@example.com", "a\x01b", "doc2@example.com"], *words)

    job = done.json
    assert done.code == 3, done
    assert set(job) == DOCUMENT
    assert set(job["counts"]) == {"total", *COUNTS, "not_attempted"}
    assert set(job["input"]) == {"sha256", "rows", "bytes", "format"}
    assert set(job["errors_by_code"][0]) == {"code", "count", "first_lines", "hint"}
    assert set(job["pace"]) == {"items_per_s", "limit_per_s", "limited_by", "eta"}
    assert set(job["attempts"]) == {"calls", "retries"}
    assert list(job["times"]) == ["created_at", "validated_at", "started_at", "finished_at"]
    assert all(TIME.fullmatch(time) for time in job["times"].values())
    assert TIME.fullmatch(job["results_expire_at"])
    assert (job["labels"], job["idempotency_key"]) == ({"source": "hr"}, "doc-1")
    assert (job["kind"], job["tenant"], job["app"]) == ("users.import", "demo", "demo/shop")
    assert job == typed(site, "jobs", "show", job["id"], "-o", "json").json


def test_result_rows_have_exactly_the_contracts_members(site):
    job = imported(site, ["row1@example.com", "a\x01b"]).json

    rows = typed(site, "jobs", "results", job["id"], "-o", "json").json

    assert [set(row) for row in rows] == [ROW, ROW]
    good = next(row for row in rows if row["outcome"] == "succeeded")
    bad = next(row for row in rows if row["outcome"] == "failed")
    assert (good["line"], good["key"]) == (2, {"address": "row1@example.com"})
    assert good["detail"] == "created_or_updated"
    assert good["upstream"]["op"] == "useradd"
    assert TIME.fullmatch(good["last_attempt_at"])
    assert (bad["line"], bad["code"], bad["attempts"]) == (3, "ADDRESS_HAS_CONTROL", 0)
    failed = typed(site, "jobs", "results", job["id"], "--outcome", "failed", "-o", "json").json
    assert failed == [bad]


def test_jobs_are_listed_newest_first_and_a_limit_shortens_the_list(site):
    made = [imported(site, [f"newest{n}@example.com"]).json["id"] for n in range(3)]

    listed = [job["id"] for job in typed(site, "jobs", "list", "--limit", "2", "-o", "json").json]

    assert listed == made[:0:-1]


def test_progress_lines_are_json_and_every_one_of_them_adds_up(site):
    set_faults(site, {"fault": "latency", "ms": 20}, {"fault": "error5xx", "every": 9})

    done = imported(site, [f"progress{n}@example.com" for n in range(300)], "--progress", "json")

    lines = [json.loads(line) for line in done.err.splitlines()]
    assert done.code == 0, done
    assert len(lines) > 1
    assert all(conserved(line["counts"]) for line in lines)
    assert lines[-1]["state"] == done.json["state"] == "completed"
    assert lines[-1]["counts"] == done.json["counts"]
    versions = [line["version"] for line in lines]
    assert versions == sorted(versions)


def test_a_timeout_ends_the_waiting_and_not_the_job(site):
    set_faults(site, {"fault": "latency", "ms": 300})

    done = imported(site, [f"slow{n}@example.com" for n in range(100)], "--timeout", "300ms")

    assert done.code == 8, done
    assert done.json["state"] in ("queued", "running")
    set_faults(site)
    ended = typed(site, "jobs", "wait", done.json["id"], "--timeout", "240s", "-o", "json")
    assert (ended.code, ended.json["counts"]["succeeded"]) == (0, 100)


def test_the_same_key_is_the_same_job_and_other_content_a_conflict(site):
    first = imported(site, ["key1@example.com"], "--idempotency-key", "key-1")
    again = imported(site, ["key1@example.com"], "--idempotency-key", "key-1")
    other = imported(site, ["key2@example.com"], "--idempotency-key", "key-1")

    assert first.json["id"] == again.json["id"]
    assert again.json["counts"]["total"] == 1
    assert (other.code, other.out) == (7, ""), other
    assert first.json["id"] in other.err
    ids = [job["id"] for job in typed(site, "jobs", "list", "-o", "json").json]
    assert len([name for name in ids if name >= first.json["id"]]) == 1


def test_the_errors_file_is_fixed_in_place_and_imported_again(site):
    text = (
        "address,Shoe size,name\r\n"
        "good@example.com,43,Good\r\n"
        '"one,two@example.com",=1+1,"Line\nbreak, ""quoted"""\r\n'
        "+4930,44,\x02\r\n"
        f"{'x' * 70},-5,@name\r\n"
    )
    words = ("users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json")
    job = typed(site, *words, stdin=text).json
    assert job["counts"]["failed"] == 2, job

    errors = typed(site, "jobs", "errors", job["id"], "-o", "csv").out

    rows = list(csv.DictReader(io.StringIO(errors, newline="")))
    assert list(rows[0]) == [
        *("address", "Shoe size", "name", "_line", "_code", "_message", "_hint")
    ]
    assert [row["_line"] for row in rows] == ["3", "6"]
    assert rows[0]["address"] == "one,two@example.com"
    assert rows[0]["Shoe size"] == "'=1+1"
    assert rows[0]["name"] == 'Line\nbreak, "quoted"'
    assert all(row["_code"] and row["_message"] and row["_hint"] for row in rows)
    fixed = errors.replace("one,two@", "one.two@").replace("x" * 70, "x" * 63)
    second = typed(site, *words, stdin=fixed)
    assert second.code == 0, second
    assert second.json["counts"]["succeeded"] == second.json["counts"]["total"] == 2


def test_an_errors_file_without_errors_is_a_header(site):
    job = imported(site, ["fine@example.com"]).json

    done = typed(site, "jobs", "errors", job["id"], "-o", "csv")

    assert done.out == "address,_line,_code,_message,_hint\r\n"


def test_results_are_readable_while_a_job_is_paused_and_after_it_was_cancelled(site):
    set_faults(site, {"fault": "latency", "ms": 300})
    path = people(site.home / "hundreds.csv", 400, start=5000)
    job = typed(site, "users", "import", path, "--app", "demo/shop", "-o", "json").json["id"]

    def shown():
        return typed(site, "jobs", "show", job, "-o", "json").json

    until(lambda: shown()["counts"]["succeeded"] > 20)

    paused = typed(site, "jobs", "pause", job, "--why", "lunch", "-o", "json").json
    assert paused["state"] == "paused"
    assert set(paused) == DOCUMENT | {"paused"}
    assert paused["paused"] == {"by": "user", "why": "lunch"}
    assert typed(site, "jobs", "wait", job).code == 10
    until(lambda: shown()["counts"]["in_flight"] == 0)
    so_far = typed(site, "jobs", "results", job, "-o", "jsonl").out.splitlines()
    assert len(so_far) == shown()["counts"]["succeeded"]
    assert typed(site, "jobs", "resume", job, "-o", "json").json["state"] in ("queued", "running")
    typed(site, "jobs", "cancel", job)

    done = typed(site, "jobs", "wait", job, "-o", "json")

    assert done.code == 6
    assert done.json["counts"]["in_flight"] == 0, "its last calls are back"
    assert done.json["state"] == "cancelled"
    assert conserved(done.json["counts"])
    assert done.json["counts"]["cancelled"] > 0
    rows = typed(site, "jobs", "results", job, "-o", "jsonl").out.splitlines()
    outcomes = [json.loads(row)["outcome"] for row in rows]
    assert outcomes.count("succeeded") == done.json["counts"]["succeeded"] >= len(so_far)
    assert outcomes.count("cancelled") == done.json["counts"]["cancelled"]


def test_the_document_is_printed_once_for_a_person_too(site):
    text = "address\nperson@example.com\n"
    words = ("users", "import", "-", "--app", "demo/shop", "--watch", "-o", "table")

    done = typed(site, *words, stdin=text)

    assert done.code == 0, done
    assert done.out.count("job_") == 1
    assert "succeeded 1" in done.out
    assert "\x1b" not in done.out + done.err


def test_a_list_of_jobs_accounts_for_every_row_in_every_form(site):
    imported(site, ["rest1@people.example", "a,b"])
    imported(site, ["rest1@people.example"])

    done = typed(site, "jobs", "list", "-o", "csv")
    table = typed(site, "jobs", "list", "--limit", "1", "-o", "table").out.splitlines()

    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows
    for row in rows:
        assert int(row["total"]) == sum(int(row[name]) for name in (*COUNTS, "not_attempted")), row
    assert table[0].split()[4:10] == ["total", "succeeded", "skipped", "failed", "unknown", "rest"]
    assert table[1].split()[4:10] == ["1", "0", "1", "0", "0", "0"]


def test_a_result_in_csv_has_every_member_of_the_one_in_json(site):
    text = "address,custom_id\ncsv1@people.example,c-1\n"
    job = typed(
        site, "users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json", stdin=text
    ).json["id"]

    [row] = csv.DictReader(io.StringIO(typed(site, "jobs", "results", job, "-o", "csv").out))

    assert row.keys() == ROW - {"key"} | {"address"}
    assert (row["address"], row["custom_id"]) == ("csv1@people.example", "c-1")


def test_the_rows_of_a_cancelled_job_are_readable_by_their_outcome(site):
    people = [f"never{number}@people.example" for number in range(5)]
    text = "address\n" + "".join(f"{row}\n" for row in people)
    words = ("users", "import", "-", "--app", "demo/shop", "--at", "in 1h", "-o", "json")
    job = typed(site, *words, stdin=text).json["id"]

    ended = typed(site, "jobs", "cancel", job, "-o", "json").json
    results = typed(site, "jobs", "results", job, "--outcome", "cancelled", "-o", "json").json

    assert ended["counts"]["cancelled"] == len(results) == 5
    assert [row["key"]["address"] for row in results] == people
    assert all(row.keys() == ROW for row in results)
