"""`--dry-run`: what an import would do and take, with nothing sent and no job made."""

import pytest

from tests.e2e.product import people, received
from tests.e2e.test_cli_bad_input import three_lines, traces, written
from tests.e2e.typed import typed

QUOTE = {
    *("dry_run", "kind", "tenant", "app", "input", "counts", "errors_by_code"),
    *("calls", "duration", "billable"),
}


@pytest.fixture
def quoted(site):
    """One dry run of an import: what it printed."""

    def run(path, *words, **environment):
        given = ("users", "import", path, "--app", "demo/shop", "--dry-run", *words)
        return typed(site, *given, **environment)

    return run


def test_a_dry_run_sends_nothing_and_makes_no_job(site, quoted):
    path = people(site.home / "quoted.csv", 50)
    before = traces(site)

    done = quoted(path, "--wait", "--idempotency-key", "quoted-1", "-o", "json")

    assert done.code == 0, done
    assert set(done.json) == QUOTE
    counts = done.json["counts"]
    assert (counts["total"], counts["valid"], counts["invalid"]) == (50, 50, 0)
    assert (done.json["input"]["rows"], done.json["input"]["format"]) == (50, "csv")
    assert done.json["calls"] == done.json["billable"]["at_most"] == 50
    assert traces(site) == before
    with site.look() as scripts:
        assert not scripts.redis.exists(scripts.key("idem", "demo", "quoted-1"))


def test_a_dry_run_names_the_problems_and_exits_with_9(site, quoted):
    path = written(site, "quoted bad", b'address\nann@example.com\n"a,b"\nbob@example.com\n"c,d"\n')
    calls = received(site.sandbox)["requests"]

    done = quoted(path, "-o", "json")

    assert done.code == 9, done
    (problem,) = done.json["errors_by_code"]
    assert (problem["code"], problem["count"]) == ("ADDRESS_HAS_COMMA", 2)
    assert problem["first_lines"] == [3, 5]
    assert problem["hint"]
    assert received(site.sandbox)["requests"] == calls


def test_a_dry_run_without_a_valid_row_exits_with_9(site, quoted):
    done = quoted(written(site, "quoted none", b'address\n"a,b"\n'), "-o", "json")

    assert done.code == 9
    assert done.json["counts"]["to_send"] == done.json["calls"] == 0


def test_the_duration_is_that_of_the_apps_limits(site, quoted):
    path = people(site.home / "long.csv", 3040)
    limits = ("--rate", "20/s", "--burst", "40", "--max-in-flight", "8")
    assert typed(site, "apps", "set", "demo/shop", *limits).code == 0

    takes = quoted(path, "-o", "json").json["duration"]

    typed(site, "apps", "set", "demo/shop", "--rate", "2000/s")
    assert (takes["seconds"], takes["limited_by"]) == (150.0, "app_rate")
    assert (takes["limit_per_s"], takes["burst"], takes["max_in_flight"]) == (20.0, 40, 8)


def test_what_the_apps_open_jobs_still_hold_is_told(site, quoted):
    path = people(site.home / "waiting.csv", 500)
    typed(site, "apps", "pause", "demo/shop")
    waiting = typed(site, "users", "import", path, "--app", "demo/shop", "-o", "json").json

    takes = quoted(path, "-o", "json").json["duration"]
    table = quoted(path, "-o", "table").out

    typed(site, "jobs", "cancel", waiting["id"])
    typed(site, "apps", "resume", "demo/shop")
    assert (takes["open_jobs"], takes["open_items"], takes["app_state"]) == (1, 500, "paused")
    assert takes["seconds_after_open_jobs"] >= takes["seconds"]
    assert "the app is paused" in table
    assert "500 items left" in table


def test_a_person_reads_the_quote_as_lines(site, quoted):
    path = written(site, "quoted table", b'address\nann@example.com\n"a,b"\n')

    done = quoted(path, "-o", "table")

    assert done.code == 9
    assert "nothing was sent, no job was made" in done.out
    assert "ADDRESS_HAS_COMMA  1 row, line 3" in done.out
    assert "at most 1 users" not in done.out
    assert "limited by app_rate" in done.out


def test_a_mistyped_app_is_named_before_the_file_is_read(site):
    done = typed(site, "users", "import", "none.csv", "--app", "demo/shpo", "--dry-run")

    assert done.code == 2
    assert "demo/shop" in three_lines(done)["to do"]


def test_repeated_rows_and_what_was_done_before_are_not_quoted_as_calls(site, quoted):
    text = "address,name\nd1@example.com,One\nd2@example.com,Two\nd3@example.com,Three\n"
    done = written(site, "quoted done", text.encode())
    assert typed(site, "users", "import", done, "--app", "demo/shop", "--wait").code == 0
    more = "d1@example.com,One\nd2@example.com,Other\nd4@example.com,Four\nd5@example.com,Five\n"
    path = written(site, "quoted more", (text + more).encode())

    quote = quoted(path, "-o", "json").json

    counts = quote["counts"]
    assert (counts["total"], counts["valid"], counts["invalid"], counts["duplicates"]) == (
        7,
        5,
        1,
        1,
    )
    assert (counts["already_done"], counts["to_send"], quote["calls"]) == (3, 2, 2)
    assert (quote["billable"]["at_most"], quote["billable"]["new_to_us"]) == (2, 2)
    assert {one["code"]: one["first_lines"] for one in quote["errors_by_code"]} == {
        "DUPLICATE_IN_FILE": [5],
        "CONFLICTING_ROWS": [6],
    }


def test_the_quote_agrees_with_what_the_import_then_does(site, quoted):
    text = b"address,name\nq1@example.com,One\nq1@example.com,One\nq2@example.com,Two\n"
    path = written(site, "quoted agrees", text)
    before = received(site.sandbox)["requests"]

    quote = quoted(path, "-o", "json").json
    job = typed(site, "users", "import", path, "--app", "demo/shop", "--wait", "-o", "json").json

    assert job["counts"]["succeeded"] == quote["counts"]["to_send"] == 2
    assert job["counts"]["skipped"] == quote["counts"]["duplicates"] == 1
    assert received(site.sandbox)["requests"] - before == quote["calls"] == 2


def test_a_raw_call_and_a_retry_are_quoted_too(site):
    before = traces(site)
    bad = written(site, "quoted retry", b'address\ngood@example.com\n"a,b"\n')
    failed = typed(site, "users", "import", bad, "--app", "demo/shop", "--wait", "-o", "json").json

    call = typed(site, "call", "usersget", "--app", "demo/shop", "--dry-run", "-o", "json")
    retry = typed(site, "jobs", "retry", failed["id"], "--dry-run", "-o", "json")

    assert (call.code, call.json["calls"], call.json["kind"]) == (0, 1, "call")
    assert (retry.code, retry.json["counts"]["invalid"]) == (9, 1)
    assert traces(site)[0] == [failed["id"], *before[0]]
