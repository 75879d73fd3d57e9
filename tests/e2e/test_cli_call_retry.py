"""`call` and `jobs retry` as a person types them."""

import json
from collections import Counter

import pytest
import requests

from tests.e2e.product import received
from tests.e2e.test_cli_bad_input import three_lines
from tests.e2e.typed import typed

SECRET = "hunter2-not-for-any-log"


@pytest.fixture(autouse=True)
def _clean(site):
    requests.post(f"{site.sandbox}/_sandbox/reset", timeout=10).raise_for_status()


def set_faults(site, *rules):
    requests.post(f"{site.sandbox}/_sandbox/faults", json=list(rules), timeout=10)


def call(site, op, body=None, *words):
    given = () if body is None else ("--body", "-")
    stdin = body if isinstance(body, str) else json.dumps(body)
    words = ("call", op, "--app", "demo/shop", *given, "-o", "json", *words)
    return typed(site, *words, stdin=stdin)


def keys_called(site):
    """How often the sandbox was called about whom."""
    answer = requests.get(f"{site.sandbox}/_sandbox/received", timeout=10).json()
    return Counter(item["key"] for item in answer["items"])


def results(site, job):
    return typed(site, "jobs", "results", job["id"], "-o", "json").json


def test_a_call_waits_for_its_answer_and_prints_the_job_once(site):
    done = call(site, "useradd", {"user": {"address": "ann@example.com"}})

    assert done.code == 0, done
    assert (done.json["kind"], done.json["counts"]["succeeded"]) == ("call", 1)
    [row] = results(site, done.json)
    assert (row["upstream"]["op"], row["detail"]) == ("useradd", "created_or_updated")
    assert received(site.sandbox)["by_op"] == {"useradd": 1}


def test_a_body_may_lie_in_a_file_and_a_call_may_go_without_one(site):
    file = site.home / "body.json"
    file.write_text('{"count": 1}')

    with_body = typed(
        site, *("call", "usersget", "--app", "demo/shop", "--body", str(file), "-o", "json")
    )
    without = call(site, "usersget")

    assert (with_body.code, without.code) == (0, 0)
    [row] = results(site, with_body.json)
    assert row["detail"] == "accepted"
    assert row["upstream"]["answer"]["users"] == []


def test_the_answer_of_a_call_is_in_its_result_and_a_users_token_is_not(site):
    user = {"address": "ann@example.com", "token": {"appid": "com.example.shop", "expiry": 60}}

    issued = call(site, "useradd", {"user": user})
    listed = call(site, "usersget", {"count": 5})

    [row] = results(site, issued.json)
    assert row["upstream"]["answer"]["user"]["token"] == "…"
    [row] = results(site, listed.json)
    assert row["upstream"]["answer"]["users"][0]["address"] == "ann@example.com"


def test_an_operation_nobody_knows_is_refused_by_the_backend(site):
    done = call(site, "nosuchop", {})

    assert done.code == 3, done
    assert done.json["errors_by_code"][0]["code"] == "BADOP"


@pytest.mark.parametrize(
    ("op", "body"),
    [
        ("useradd", {"token": SECRET}),
        ("useradd", {"op": "userdel"}),
        ("useradd", f'{{"user": {SECRET}'),
        ("useradd", f'["{SECRET}"]'),
        ("user add", {}),
        ("pushupload", {}),
    ],
)
def test_a_body_that_cannot_be_sent_makes_no_job_and_is_not_repeated(site, op, body):
    done = call(site, op, body)

    assert (done.code, done.out) == (9, ""), done
    three_lines(done)
    assert SECRET not in done.err
    assert received(site.sandbox)["requests"] == 0


def test_a_body_is_in_no_log_and_in_no_document(site):
    body = {"user": {"address": "bob@example.com", "name": SECRET}}

    done = call(site, "useradd", body)

    assert done.code == 0, done
    logs = "".join(file.read_text("utf-8") for file in site.home.glob("*.log"))
    assert SECRET not in done.out + done.err + logs + json.dumps(results(site, done.json))


def test_a_call_that_was_sent_and_not_answered_stays_unknown(site):
    set_faults(site, {"fault": "drop_after_commit", "op": "message"})

    done = call(site, "message", {"from": "news", "to": "ann@example.com", "message": "Hello"})

    assert done.code == 3, done
    assert done.json["counts"]["unknown"] == 1
    assert received(site.sandbox, op="message")["requests"] == 1


def test_unknown_rows_are_retried_only_with_a_yes(site):
    set_faults(site, {"fault": "drop_after_commit", "op": "message", "times": 1})
    body = {"from": "news", "to": "ann@example.com", "message": "Hello"}
    job = call(site, "message", body).json["id"]

    default = typed(site, "jobs", "retry", job)
    quoted = typed(site, "jobs", "retry", job, "--only", "unknown", "--dry-run", "-o", "json")
    unasked = typed(site, "jobs", "retry", job, "--only", "unknown")
    agreed = typed(
        site,
        *("jobs", "retry", job, "--only", "unknown", "--yes"),
        *("--wait", "--timeout", "60s", "-o", "json"),
    )

    assert (default.code, unasked.code) == (9, 6)
    assert "--yes" in three_lines(unasked)["to do"]
    assert (quoted.code, quoted.json["calls"]) == (0, 1)
    assert agreed.code == 0, agreed
    assert agreed.json["parent"] == job


def test_a_retry_of_the_unknown_calls_each_of_them_once_more_and_nobody_else(site):
    lost = [f"lost{n}@example.com" for n in range(3)]
    rest = ["fine@example.com", "bad@example.com"]
    file = "".join(f"{one}\n" for one in ("address", *lost, *rest))
    words = ("--app", "demo/shop", "--wait", "--timeout", "60s", "-o", "json")
    typed(site, "users", "import", "-", *words, stdin=file)
    known = keys_called(site)
    drops = [{"fault": "drop_after_commit", "key": one, "times": 1} for one in lost]
    set_faults(site, *drops, {"fault": "word", "error": "BADUSER", "key": rest[1]})
    job = typed(site, "users", "tokens", "issue", "-", "--yes", *words, stdin=file).json
    only = ("jobs", "retry", job["id"], "--only", "unknown", "-o", "json")

    quoted, unasked, before = typed(site, *only, "--dry-run"), typed(site, *only), keys_called(site)
    agreed = typed(site, *only, "--yes", "--wait", "--timeout", "60s")

    counts = job["counts"]
    assert (counts["unknown"], counts["succeeded"], counts["failed"]) == (3, 1, 1)
    assert (quoted.code, quoted.json["counts"]["valid"], quoted.json["calls"]) == (0, 3, 3)
    assert unasked.code == 6
    assert before - known == Counter([*lost, *rest])
    assert (agreed.code, agreed.json["counts"]["total"]) == (0, 3), agreed
    assert keys_called(site) - before == Counter(lost)


def test_failed_rows_are_retried_under_their_lines(site):
    set_faults(site, {"fault": "word", "error": "BADUSER", "key": "two@example.com"})
    people = "address\none@example.com\ntwo@example.com\na\x01b\n"
    words = ("--app", "demo/shop", "--wait", "--timeout", "60s", "-o", "json")
    job = typed(site, "users", "import", "-", *words, stdin=people).json["id"]
    set_faults(site)

    again = typed(
        site, *("jobs", "retry", job, "--wait", "--timeout", "60s", "-o", "json", "--label", "n=2")
    )

    assert again.code == 3, again
    assert (again.json["parent"], again.json["labels"]) == (job, {"n": "2"})
    lines = {row["line"]: row["outcome"] for row in results(site, again.json)}
    assert lines == {3: "succeeded", 4: "failed"}
    assert received(site.sandbox)["max_applied_per_key"] == 1


def test_a_word_that_chooses_no_rows_is_a_usage_problem(site):
    done = typed(site, "jobs", "retry", "job_0000000000000000000000000Z", "--only", "everything")

    assert done.code == 2, done
    assert "not_attempted" in three_lines(done)["why"]
