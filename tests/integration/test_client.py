"""The Python API against a real store: typed answers, typed errors, and nothing kept in memory."""

import threading
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from bulkhead.client import Bulkhead
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.errors import (
    Conflict,
    InvalidInput,
    JobPaused,
    JobStillRunning,
    NotFound,
    Unreachable,
)
from bulkhead.model.app import AppSettings
from bulkhead.model.ranges import indexes
from tests.fakes.engine import SUCCEEDED, report

ROWS = [{"address": f"user{n}@example.com"} for n in range(3)]


@pytest.fixture
def bulkhead(redis, store_server):
    fleet = Fleet(Scripts(redis))
    for tenant in ("acme", "other"):
        fleet.add_tenant(tenant)
        settings = AppSettings(base_url="https://api.example.com/backend/")
        fleet.add_app(f"{tenant}/shop", settings, SealedToken("box", "last", "print"))
    with Bulkhead(store_server.url, tenant="acme") as made:
        yield made


def test_a_generator_becomes_a_job_of_the_tenants_app(bulkhead):
    job = bulkhead.import_users(iter(ROWS), app="shop", labels={"source": "hr"})

    assert (job.app, job.kind, job.state, job.counts.pending) == (
        "acme/shop",
        "users.import",
        "queued",
        3,
    )
    assert job.to_dict()["labels"] == {"source": "hr"}
    assert bulkhead.job(job.id).document == job.document


def test_only_the_tenants_jobs_are_listed_newest_first(bulkhead, store_server):
    first = bulkhead.import_users(ROWS, app="shop")
    bulkhead.import_users(ROWS, app="other/shop")
    last = bulkhead.delete_users(["ann@example.com"], app="acme/shop")

    assert [job.id for job in bulkhead.jobs()] == [last.id, first.id]
    assert [job.id for job in bulkhead.jobs(limit=1)] == [last.id]
    with Bulkhead(store_server.url) as everybody:
        assert len(everybody.jobs()) == 3


def test_waiting_too_long_raises_and_the_job_goes_on(bulkhead):
    job = bulkhead.import_users(ROWS, app="shop")
    seen = []

    with pytest.raises(JobStillRunning) as caught:
        job.wait(timeout=0.01, progress=lambda now: seen.append(now.counts.pending))

    assert isinstance(caught.value, TimeoutError)
    assert job.id in str(caught.value)
    assert seen == [3]
    assert job.refresh().state == "queued"


def test_the_brakes_work_on_the_handle_in_hand(bulkhead):
    job = bulkhead.import_users(ROWS, app="shop")

    assert job.pause("lunch").state == "paused"
    with pytest.raises(JobPaused) as caught:
        job.wait(timeout=20)
    assert (caught.value.why, caught.value.exit_code) == ("lunch", 10)
    assert job.resume().state == "queued"
    assert job.cancel().counts.cancelled == 3
    assert job.wait().ended
    with pytest.raises(Conflict):
        job.resume()


def test_a_cancelled_job_is_waited_for_until_its_last_calls_are_back(bulkhead, redis):
    job = bulkhead.import_users(ROWS, app="shop")
    worker = Verbs(Scripts(redis), "w1", cell="main", egress="default")
    worker.beat({})
    part = worker.claim(1, 1).slices[0]
    worker.begin([part.lease])

    assert job.cancel().state == "cancelled"

    with pytest.raises(JobStillRunning):
        job.wait(timeout=0.01)
    assert (job.ended, job.counts.in_flight) == (False, 1)
    worker.settle([report(part, {SUCCEEDED: list(indexes(part.ranges))})])
    assert job.wait(timeout=20).ended
    assert (job.counts.succeeded, job.counts.cancelled) == (1, 2)


def test_a_retry_is_another_job_with_its_parent(bulkhead):
    job = bulkhead.import_users([*ROWS, {"address": "a,b"}], app="shop").cancel()

    again = job.retry(only="not_attempted")

    assert (again.document.parent, again.counts.total) == (job.id, 3)
    with pytest.raises(InvalidInput):
        job.retry(only="everything")


def test_bad_rows_come_back_with_their_reason_and_their_cells(bulkhead):
    job = bulkhead.import_users([*ROWS, {"address": "a,b", "name": "Ann"}, 7], app="shop")

    comma, number = job.errors()

    assert (comma.line, comma.code, comma.cells[:2]) == (4, "ADDRESS_HAS_COMMA", ("a,b", "Ann"))
    assert (number.line, number.code) == (5, "NOT_AN_OBJECT")
    assert list(job.results(outcome="succeeded")) == []
    with pytest.raises(InvalidInput, match="pending"):
        job.results(outcome="pending")


def test_times_may_be_datetimes_with_a_zone_and_never_without(bulkhead, redis):
    later = datetime.now(UTC) + timedelta(hours=1)

    job = bulkhead.import_users(ROWS, app="shop", deadline=later, max_failures=2)

    fields = redis.hgetall(Scripts(redis).key("job", job.id))
    assert abs(int(fields[b"deadline"]) - later.timestamp() * 1e6) < 2
    planned = bulkhead.import_users(ROWS, app="shop", at="2099-12-24T09:00[Europe/Berlin]")
    assert planned.state == "scheduled"
    with pytest.raises(InvalidInput, match="no time zone"):
        bulkhead.import_users(ROWS, app="shop", at=datetime(2030, 1, 1, 9))


def test_a_raw_call_takes_its_members_by_name_or_in_a_body(bulkhead):
    by_name = bulkhead.call("useradd", app="shop", user={"address": "ann@example.com"})
    in_body = bulkhead.call("message", app="shop", body={"from": "news"}, to="ann", message="Hi")

    assert [job.kind for job in (by_name, in_body)] == ["call", "call"]
    with pytest.raises(InvalidInput):
        bulkhead.call("useradd", app="shop", token="mine")


def test_what_is_not_there_is_not_found(bulkhead):
    with pytest.raises(NotFound):
        bulkhead.import_users(ROWS, app="shpo")
    with pytest.raises(NotFound):
        bulkhead.job("job_0000000000000000000000000Z")


def test_an_option_nobody_knows_is_a_type_error(bulkhead):
    with pytest.raises(TypeError):
        bulkhead.import_users(ROWS, app="shop", prio="urgent")


def test_one_client_serves_many_threads(bulkhead):
    made = []

    def work(number):
        rows = ({"address": f"u{number}-{n}@example.com"} for n in range(500))
        made.append(bulkhead.import_users(rows, app="shop"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [job.counts.total for job in made] == [500] * 8
    assert len({job.id for job in bulkhead.jobs()}) == 8


def test_a_closed_client_connects_again(bulkhead):
    job = bulkhead.import_users(ROWS, app="shop")
    bulkhead.close()

    assert bulkhead.job(job.id).id == job.id


def test_a_long_input_is_never_held_in_memory(bulkhead):
    def peak(rows):
        tracemalloc.start()
        try:
            people = ({"address": f"user{n}@example.com", "name": "N" * 40} for n in range(rows))
            assert bulkhead.import_users(people, app="shop").counts.total == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak(2_000)

    # Sixteen segments wait at most for their way to the store.
    assert peak(60_000) < small + 4 * 2**20


def test_without_settings_the_way_to_a_store_is_said(home):
    with pytest.raises(Unreachable) as caught:
        Bulkhead.from_env({"BULKHEAD_HOME": str(home)})

    assert "bulkhead up" in caught.value.to_do


def test_the_environment_names_store_and_tenant_and_no_key_is_asked_for(bulkhead, store_server):
    environ = {"BULKHEAD_REDIS_URL": store_server.url, "BULKHEAD_TENANT": "acme"}

    with Bulkhead.from_env(environ) as other:
        assert other.import_users(ROWS, app="shop").app == "acme/shop"


def test_a_store_that_does_not_answer_is_named_without_its_password():
    with (
        Bulkhead("redis://eve:geheim-pass@127.0.0.1:1/0") as away,
        pytest.raises(Unreachable) as caught,
    ):
        away.jobs()

    assert "geheim-pass" not in caught.value.in_three_lines() + repr(away)
