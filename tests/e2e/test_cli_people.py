"""Commands over the people in a file: what is asked first, and what is refused before a call."""

import os
import stat

import pytest

from tests.e2e.product import people
from tests.e2e.test_cli_bad_input import three_lines, traces
from tests.e2e.typed import typed

ON_DEMO = ("--app", "demo/shop")
ASKING = (("users", "delete"), ("users", "tokens", "issue"), ("users", "tokens", "revoke"))
MAKING = (*ASKING, ("users", "import"))


@pytest.fixture
def file(site):
    return people(site.home / "asked.csv", 3)


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_what_cannot_be_undone_needs_a_yes(site, file, command):
    before = traces(site)

    done = typed(site, *command, file, *ON_DEMO)

    assert done.code == 6, done
    assert "--yes" in three_lines(done)["to do"]
    assert traces(site) == before


@pytest.mark.parametrize("command", MAKING, ids=" ".join)
def test_a_dry_run_of_any_of_them_needs_no_yes_and_leaves_nothing(site, file, command):
    before = traces(site)

    done = typed(site, *command, file, *ON_DEMO, "--dry-run", "-o", "json")

    assert done.code == 0, done
    assert done.json["kind"] == ".".join(command)
    assert done.json["counts"]["to_send"] == 3
    assert traces(site) == before


@pytest.mark.parametrize("command", MAKING, ids=" ".join)
def test_a_missing_file_and_a_mistyped_app_are_named(site, file, command):
    missing = typed(site, *command, "nobody.csv", *ON_DEMO, "--yes")
    mistyped = typed(site, *command, file, "--app", "demo/shpo", "--yes")

    assert (missing.code, mistyped.code) == (9, 2)
    assert "nobody.csv" in three_lines(missing)["error"]
    assert "demo/shop" in three_lines(mistyped)["to do"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--tokens", "missing", "--tokens-out", "t.jsonl"), "--wait"),
        (("--tokens-out", "t.jsonl", "--wait"), "--tokens missing"),
        (("--tokens", "rotate", "--tokens-out", "-", "--wait"), "jobs tokens"),
        (("--tokens", "rotate", "--tokens-out", "no/such/folder/t", "--wait"), "folder"),
        (("--tokens", "some"), "users import"),
    ],
)
def test_tokens_that_could_not_be_delivered_are_not_asked_for(site, file, words, named):
    before = traces(site)

    done = typed(site, "users", "import", file, *ON_DEMO, *words)

    assert done.code == 2, done
    assert named in three_lines(done)["to do"]
    assert traces(site) == before


def test_a_file_that_is_there_is_never_replaced(site, file):
    there = site.home / "tokens.jsonl"
    there.write_text("precious\n")
    words = ("--tokens", "rotate", "--tokens-out", str(there), "--wait")

    done = typed(site, "users", "import", file, *ON_DEMO, *words)

    assert done.code == 2
    assert "exists already" in three_lines(done)["error"]
    assert there.read_text() == "precious\n"


def test_no_file_of_tokens_is_left_where_nothing_was_submitted(site):
    out = site.home / "none.jsonl"
    words = ("--tokens", "rotate", "--tokens-out", str(out), "--wait")

    done = typed(site, "users", "import", "nobody.csv", *ON_DEMO, *words)

    assert done.code == 9
    assert not out.exists()


def test_a_job_that_issues_no_tokens_has_none_to_write(site, file):
    job = typed(site, "users", "import", file, *ON_DEMO, "-o", "json").json["id"]
    out = site.home / "nothing.jsonl"

    done = typed(site, "jobs", "tokens", job, "--out", str(out))

    assert done.code == 7
    assert "issues no tokens" in three_lines(done)["error"]
    assert not out.exists()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)
