"""What `bulkhead broadcast` says of a slip before anything is read or sent."""

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from bulkhead.ordering import call
from tests.command import KEY, typed


@pytest.fixture
def run(store_server, redis, home):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    settings = AppSettings("https://api.example.com/backend/")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))

    def typed_here(*words):
        site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
        return typed("broadcast", *words, **site)

    return typed_here


def create(run, *words):
    return run("create", "--app", "acme/shop", "--from", "news", "--message", "Hi", "--yes", *words)


def refused(done, code):
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (code, "")
    assert [line.partition(":")[0] for line in lines] == ["error", "why", "to do"], lines
    return lines[0]


@pytest.mark.parametrize("option", ["--to-groups", "--to-users"])
@pytest.mark.parametrize("names", ["", " ", " , "])
def test_an_empty_list_is_a_slip_though_others_are_named(run, redis, tmp_path, option, names):
    others = tmp_path / "others.txt"
    others.write_text("404101\n")
    other = "--to-users" if option == "--to-groups" else "--to-groups"

    done = create(run, option, names, other, str(others))

    assert refused(done, 2) == f"error: {option} names nobody"
    assert Jobs(Scripts(redis)).newest() == []


@pytest.mark.parametrize("verb", ["preview", "stats", "stop", "pause", "resume"])
def test_a_job_of_another_kind_is_a_mistake_of_words(run, redis, verb):
    job = call(Scripts(redis), "usersget", {}, app="acme/shop")

    assert refused(run(verb, job.id), 2) == f"error: {job.id} is no broadcast"
