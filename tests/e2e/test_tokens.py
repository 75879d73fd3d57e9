"""User access tokens: only in a file that its owner alone can read, and on the audit."""

import json
import stat
import subprocess

import pytest

from bulkhead.engine.audit import Audit, who_we_are
from tests.e2e.product import COMMAND, people, received
from tests.e2e.test_cli_bad_input import three_lines
from tests.e2e.typed import typed

ON_DEMO = ("--app", "demo/shop")
DAY = 24 * 3600


@pytest.fixture
def issued(site, request):
    """An import of five people of this test's own, with tokens: the command, file and people."""
    name = request.node.name
    file = site.home / f"{name}.csv"
    addresses = [f"{name}-{n}@example.com"[-60:] for n in range(5)]
    file.write_text("address\n" + "".join(f"{one}\n" for one in addresses))
    out = site.home / f"{name}.jsonl"
    words = ("--tokens", "missing", "--tokens-out", str(out), "--wait", "-o", "json")
    done = typed(site, "users", "import", str(file), *ON_DEMO, *words)
    assert done.code == 0, done
    return done, file, out, addresses


def pairs(path):
    return {one["address"]: one["token"] for one in map(json.loads, path.read_text().splitlines())}


def audited(site, job):
    with site.look() as scripts:
        return [entry for entry in Audit(scripts).entries() if entry.about.get("job") == job]


def test_each_user_has_a_token_in_a_file_for_its_owner_only(issued):
    _, _, out, addresses = issued

    tokens = pairs(out)

    assert set(tokens) == set(addresses)
    assert len(set(tokens.values())) == len(addresses)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_no_token_is_in_a_result_in_the_document_or_in_a_log(site, issued):
    done, _, out, _ = issued
    job = done.json["id"]

    told = [
        done.out,
        done.err,
        typed(site, "jobs", "results", job, "-o", "json").out,
        typed(site, "jobs", "results", job, "-o", "csv").out,
        *(process.log.read_text() for process in site.processes),
    ]

    assert not [token for token in pairs(out).values() for text in told if token in text]


def test_the_tokens_can_be_fetched_again_and_every_reading_is_audited(site, issued):
    done, _, out, _ = issued
    job, again = done.json["id"], out.with_suffix(".again")

    fetched = site.run("jobs", "tokens", job, "--out", str(again), "-o", "json")

    assert fetched.code == 0, fetched
    assert fetched.json == {"job": job, "tokens": 5, "out": str(again)}
    assert pairs(again) == pairs(out)
    assert [(entry.who, entry.action) for entry in audited(site, job)] == [
        (who_we_are(), "tokens.read"),
        (who_we_are(), "tokens.read"),
    ]
    (line,) = (json.loads(one) for one in fetched.err.splitlines() if one.startswith("{"))
    assert (line["event"], line["level"], line["job"]) == ("tokens_read", "info", job)


def test_who_read_tokens_and_changed_the_app_is_listed_and_proven(site, issued):
    done, _, _, _ = issued

    read = site.run("audit", "list", "--action", "tokens", "--app", "demo/shop", "-o", "json")
    first = site.run("audit", "list", "-o", "json").json[-1]
    proven = site.run("audit", "verify", "-o", "json")
    again = site.run("audit", "verify", "--head", proven.json["head"], "-o", "json")

    assert (read.json[0]["job"], read.json[0]["who"]) == (done.json["id"], who_we_are())
    assert first["number"] == 1
    assert proven.code == again.code == 0, proven
    assert proven.json["checked"] == proven.json["number"] >= 2


def test_they_can_be_piped_and_a_reader_that_goes_away_is_no_error(site, issued):
    done, _, out, _ = issued
    words = ("jobs", "tokens", done.json["id"], "--out", "-")

    piped = typed(site, *words)
    with subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=site.environment,
    ) as gone:
        gone.stdout.close()
        said = gone.stderr.read().decode()

    assert {one["address"]: one["token"] for one in map(json.loads, piped.out.splitlines())} == (
        pairs(out)
    )
    assert gone.returncode == 0, said
    assert "Traceback" not in said


def test_missing_issues_none_where_our_record_has_one_and_calls_nobody(site, issued):
    _, file, out, _ = issued
    calls = received(site.sandbox)["requests"]
    words = ("--tokens", "missing", "--tokens-out", str(out.with_suffix(".none")), "--wait")

    again = typed(site, "users", "import", str(file), *ON_DEMO, *words, "-o", "json")

    assert again.code == 0, again
    assert again.json["counts"]["skipped"] == 5
    assert received(site.sandbox)["requests"] == calls
    assert not out.with_suffix(".none").exists()


def test_rotate_issues_new_ones_with_one_call_each(site, issued):
    _, file, out, _ = issued
    calls = received(site.sandbox)["requests"]
    words = ("--tokens", "rotate", "--tokens-out", str(out.with_suffix(".new")), "--wait")

    again = typed(site, "users", "import", str(file), *ON_DEMO, *words, "-o", "json")

    assert again.code == 0, again
    assert received(site.sandbox)["requests"] == calls + 5
    new = pairs(out.with_suffix(".new"))
    assert set(new) == set(pairs(out))
    assert not set(new.values()) & set(pairs(out).values())


def test_a_dry_run_knows_what_each_policy_would_call(site, issued):
    _, file, _, _ = issued

    def quoted(*words):
        done = typed(site, "users", "import", str(file), *ON_DEMO, "--dry-run", *words)
        return done.json["counts"]["already_done"], done.json["calls"]

    assert quoted() == (5, 0)
    assert quoted("--tokens", "missing") == (5, 0)
    assert quoted("--tokens", "rotate") == (0, 5)
    assert quoted("--force") == (0, 5)
    assert quoted("--force", "--tokens", "rotate") == (0, 10)


def test_tokens_are_revoked_issued_and_their_users_deleted(site, issued):
    _, file, out, addresses = issued
    on = (str(file), *ON_DEMO, "--yes", "--wait", "-o", "json")

    revoked = typed(site, "users", "tokens", "revoke", *on)
    without = listed(site, addresses)
    new = out.with_suffix(".issued")
    given = typed(site, "users", "tokens", "issue", *on, "--tokens-out", str(new))
    having = listed(site, addresses)
    deleted = typed(site, "users", "delete", *on)

    assert [done.code for done in (revoked, given, deleted)] == [0, 0, 0], (revoked, given, deleted)
    assert [one["token"] for one in without] == [False] * 5
    assert [one["token"] for one in having] == [True] * 5
    assert set(pairs(new)) == set(addresses)
    assert listed(site, addresses) == []


def listed(site, addresses):
    found = typed(site, "users", "list", *ON_DEMO, "--match", addresses[0][:-14], "-o", "json")
    return [one for one in found.json if one["address"] in addresses]


def test_after_a_day_they_are_gone_and_it_is_said(site, issued):
    done, _, out, _ = issued
    job = done.json["id"]
    with site.look() as scripts:
        name = scripts.key("job", job)
        ended = float(scripts.redis.hget(name, "finished_at"))
        scripts.redis.hset(name, "finished_at", f"{ended - (DAY + 60) * 1e6:.0f}")
        scripts.redis.delete(scripts.key("job", job, "tokens"))

    late = typed(site, "jobs", "tokens", job, "--out", str(out.with_suffix(".late")))

    assert late.code == 7
    assert "24 hours" in three_lines_of(late)["why"]
    assert not out.with_suffix(".late").exists()


def three_lines_of(done):
    done.err = "\n".join(one for one in done.err.splitlines() if not one.startswith("{"))
    return three_lines(done)


def test_the_file_of_people_is_quoted_as_twice_the_calls(site):
    file = people(site.home / "twice.csv", 7)

    done = typed(site, "users", "import", file, *ON_DEMO, "--dry-run", "--tokens", "rotate")

    assert done.json["calls"] == 14
    assert done.json["billable"]["at_most"] == 7
