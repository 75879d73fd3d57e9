"""What `bulkhead groups members` says of a file before anything is sent."""

import json

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from tests.command import KEY, typed


@pytest.fixture
def add(store_server, redis, home, tmp_path):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    settings = AppSettings("https://api.example.com/backend/")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))
    file = tmp_path / "members.txt"

    def added(text, *words):
        file.write_text(text)
        site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
        asked = ("--app", "acme/shop", "-o", "json", *words)
        return typed("groups", "members", "add", str(file), *asked, **site)

    return added


def test_a_dry_run_names_the_rows_that_are_bad_and_those_that_come_twice(add):
    done = add("ann\nann\na,b\nbob\n", "--gid", "404101", "--dry-run")

    told = json.loads(done.stdout)
    assert done.returncode == 9
    counts = ("total", "valid", "invalid", "duplicates", "to_send")
    assert [told["counts"][name] for name in counts] == [4, 2, 1, 1, 2]
    assert {one["code"]: one["first_lines"] for one in told["errors_by_code"]} == {
        "ADDRESS_HAS_COMMA": [3],
        "DUPLICATE_IN_FILE": [2],
    }


@pytest.mark.parametrize("gid", ["", " "])
def test_an_empty_gid_is_a_slip_and_not_a_group_for_each_row(add, redis, gid):
    done = add("gid,address\n404101,ann\n", "--gid", gid, "--yes")

    assert (done.returncode, done.stdout) == (2, "")
    assert "--gid names no group" in done.stderr
    assert Jobs(Scripts(redis)).newest() == []
