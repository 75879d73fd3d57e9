"""A worker reads an audience by our own command, and knows what its end means."""

import os
import threading

import psutil
import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.schedules import Schedules
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, Unreachable
from bulkhead.model.app import AppSettings
from bulkhead.settings import Settings
from tests.command import KEY, typed
from worker.rereading import AT_ONCE, Readers, Rereading

INSTANT = 1_900_000_800


@pytest.fixture
def site(store_server, redis, home, monkeypatch):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    sealed = SealedToken("box", "1234", "f00d")
    fleet.add_app("acme/shop", AppSettings("https://b.example/"), sealed)
    monkeypatch.setenv("BULKHEAD_REDIS_URL", store_server.url)
    monkeypatch.setenv("BULKHEAD_SECRET_KEY", KEY)
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


@pytest.fixture
def people(home):
    path = home / "people.csv"
    path.write_text("address\nann\nbob\n")
    return path


@pytest.fixture
def schedule(site, redis, people):
    words = ("--cron", "0 9 * * *", "--zone", "UTC", "--audience-from", str(people), "--")
    order = ("users", "import", "--app", "acme/shop")
    done = typed("schedules", "create", "daily", *words, *order, **site)
    assert done.returncode == 0, done.stderr
    return Schedules(Scripts(redis)).get("acme/daily")


@pytest.fixture
def reread(redis, home):
    settings = Settings.load({"BULKHEAD_HOME": str(home)})
    return Rereading(Schedules(Scripts(redis)), settings, threading.Event())


def readers_here():
    """The processes of ours that read an audience."""
    return [one for one in psutil.Process().children() if "run-now" in one.cmdline()]


def test_the_file_as_it_is_becomes_the_job_of_the_instant(schedule, reread, redis, people):
    people.write_text("address\nann\nbob\ncid\n")

    job = reread(schedule, INSTANT)

    made = Jobs(Scripts(redis)).get(job)
    assert made.counts.total == 3
    assert made.idempotency_key == schedule.key_of(INSTANT)
    assert reread(schedule, INSTANT) == job


def test_a_file_that_is_gone_is_told_in_the_words_of_the_command(schedule, reread, people):
    people.unlink()

    with pytest.raises(InvalidInput, match="There is no file"):
        reread(schedule, INSTANT)


def test_a_file_without_a_valid_row_is_a_job_that_was_rejected(schedule, reread, redis, people):
    people.write_text('address\n"a,b"\n')

    job = reread(schedule, INSTANT)

    assert Jobs(Scripts(redis)).get(job).state == "rejected"


def test_a_store_that_is_away_is_no_refusal(schedule, reread, home, monkeypatch):
    monkeypatch.setenv("BULKHEAD_REDIS_URL", f"unix://{home}/nobody.sock")

    with pytest.raises(Unreachable):
        reread(schedule, INSTANT)


def test_a_reader_that_is_killed_says_nothing_about_the_order(schedule, reread, people, eventually):
    people.unlink()
    os.mkfifo(people)
    seen = []

    def ask():
        try:
            seen.append(reread(schedule, INSTANT))
        except Unreachable as error:
            seen.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    (reader,) = eventually(readers_here)
    reader.kill()
    asking.join()

    assert isinstance(seen[0], Unreachable)


def test_of_a_tenant_one_audience_is_read_at_a_time_and_of_all_a_few(eventually):
    readers, hold, done = Readers(), threading.Event(), []

    def work():
        hold.wait(60)
        done.append(1)

    first = readers.start("t0", work)
    again = readers.start("t0", work)
    others = [readers.start(f"t{number}", work) for number in range(1, AT_ONCE + 2)]
    hold.set()
    eventually(lambda: len(done) == AT_ONCE)

    assert (first, again) == (True, False)
    assert others == [True] * (AT_ONCE - 1) + [False, False]
    eventually(lambda: readers.start("t0", work))
