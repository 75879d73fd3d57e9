"""A schedule of a product that is up: its worker fires it, and mesibo is called."""

import json
import os
import signal
import time

import psutil
import pytest

from bulkhead.engine.schedules import Schedules
from tests.e2e.product import alive, until

HOURLY = ("--cron", "0 * * * *", "--zone", "Europe/Berlin", "--exact")


@pytest.fixture
def app(standing, sandbox):
    standing.app("acme/shop", sandbox, "--rate", "200/s")
    return "acme/shop"


@pytest.fixture
def people(standing):
    path = standing.home / "people.csv"
    path.write_text("address,name\nann@example.com,Ann\nbob@example.com,Bob\n")
    return path


def create(standing, *words, name="hourly"):
    done = standing.typed("schedules", "create", name, *words, "-o", "json")
    assert done.code == 0, done
    return done.json


def let_it_be_due(standing, name="hourly"):
    """Move the schedule back, so that its firing is due now: nobody waits for an hour."""
    with standing.look() as scripts:
        full = f"acme/{name}"
        instant = int(time.time() * 1e6)
        scripts.redis.hset(scripts.key("schedule", full), "planned", instant)
        scripts.redis.zadd(scripts.key("schedule"), {full: instant}, xx=True)


def show(standing, name="hourly"):
    with standing.look() as scripts:
        return Schedules(scripts).get(f"acme/{name}")


def line(standing, event):
    """The newest log line with that event; None if there is none yet."""
    lines = standing.processes[0].log.read_text().splitlines()
    found = [one for one in lines if f'"event": "{event}"' in one]
    return json.loads(found[-1]) if found else None


def fired(standing, name="hourly", times=1):
    """What became of the firing, once it was carried out."""
    until(lambda: len(show(standing, name).firings) >= times)
    return show(standing, name).firings[0]


def test_a_worker_fires_it_and_the_people_arrive(standing, app, people, sandbox):
    create(standing, *HOURLY, "--", "users", "import", str(people), "--app", app)
    people.unlink()

    let_it_be_due(standing)
    firing = fired(standing)
    done = standing.wait(firing.job)

    assert firing.outcome == "made"
    assert done.json["counts"]["succeeded"] == 2
    assert done.json["labels"] == {"schedule": "hourly"}
    assert sandbox.received()["distinct_keys"] == 2
    until(lambda: line(standing, "schedule_fired"))
    told = line(standing, "schedule_fired")
    assert (told["schedule"], told["job"], told["tenant"]) == ("acme/hourly", firing.job, "acme")


def test_a_worker_reads_its_audience_anew_and_tells_when_it_is_gone(standing, app, people):
    words = ("--audience-from", str(people), "--overlap", "queue")
    create(standing, *HOURLY, *words, "--", "users", "import", "--app", app)
    people.write_text("address\nann@example.com\nbob@example.com\ncid@example.com\n")

    let_it_be_due(standing)
    first = fired(standing)
    people.unlink()
    let_it_be_due(standing)
    second = fired(standing, times=2)
    last_error = show(standing).last_error
    people.write_text("address\ndan@example.com\n")
    let_it_be_due(standing)
    third = fired(standing, times=3)

    assert standing.wait(first.job).json["counts"]["total"] == 3
    assert (second.outcome, second.job) == ("refused", "")
    assert last_error.startswith("There is no file")
    assert line(standing, "schedule_refused")["error"] == last_error
    assert standing.wait(third.job).json["counts"]["total"] == 1
    assert show(standing).last_error == ""


def test_an_app_that_was_removed_is_told_and_the_worker_goes_on(standing, app, people):
    create(standing, *HOURLY, "--", "users", "import", str(people), "--app", app)
    create(standing, *HOURLY, "--", "call", "usersget", "--app", app, name="other")
    assert standing.typed("apps", "remove", app, "--yes").code == 0

    for name in ("hourly", "other"):
        let_it_be_due(standing, name)

    for name in ("hourly", "other"):
        firing = fired(standing, name)
        assert (firing.outcome, firing.why) == ("refused", show(standing, name).last_error)
        assert "there is no app acme/shop" in firing.why
    assert len(standing.workers()) == 1


def off_its_disk(path):
    """A file that hangs whoever opens it, until somebody writes to it."""
    path.unlink()
    os.mkfifo(path)


def is_read(standing, name):
    """Whether a worker has begun to read the audience: it is out of sight for the others."""
    with standing.look() as scripts:
        due = scripts.redis.zscore(scripts.key("schedule"), f"acme/{name}")
        return due > time.time() * 1e6 + 5e6 and not show(standing, name).firings


def test_a_disk_that_hangs_under_one_audience_holds_up_no_other_firing(standing, app, people):
    words = ("--audience-from", str(people), "--", "users", "import", "--app", app)
    create(standing, *HOURLY, *words, name="hanging")
    create(standing, *HOURLY, "--", "call", "usersget", "--app", app, name="other")
    off_its_disk(people)
    let_it_be_due(standing, "hanging")
    until(lambda: is_read(standing, "hanging"))

    let_it_be_due(standing, "other")
    other = fired(standing, "other")
    unfired = show(standing, "hanging").firings
    people.write_text("address\nann@example.com\n")
    hanging = fired(standing, "hanging")

    assert (other.outcome, unfired) == ("made", ())
    assert standing.wait(hanging.job).json["counts"]["total"] == 1


@pytest.mark.slow
def test_a_reader_that_outlives_its_worker_makes_no_second_job(product):
    product.sandbox()
    product.up(workers=1, sandbox=False)
    product.app("acme/shop", product.sandbox())
    people = product.home / "people.csv"
    people.write_text("address\nann@example.com\n")
    words = ("--audience-from", str(people), "--", "users", "import", "--app", "acme/shop")
    create(product, *HOURLY, *words)
    off_its_disk(people)
    let_it_be_due(product)
    until(lambda: is_read(product, "hourly"))
    (worker,) = product.workers()
    (reader,) = psutil.Process(worker).children()
    hanging = os.open(people, os.O_RDWR)

    os.kill(worker, signal.SIGKILL)
    people.unlink()
    people.write_text("address\nann@example.com\nbob@example.com\n")
    firing = fired(product)
    os.write(hanging, b"address\nzoe@example.com\n")
    os.close(hanging)
    until(lambda: not alive(reader.pid))

    assert product.jobs() == [firing.job]
    assert product.wait(firing.job).json["counts"]["succeeded"] == 2
