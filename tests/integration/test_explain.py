"""Why a job is where it is: each thing that can hold one back is told in words, with a way out."""

import json

import pytest

from bulkhead.engine.explain import Explain
from bulkhead.engine.script import Scripts
from bulkhead.errors import NotFound
from tests.command import KEY, typed
from tests.fakes.engine import FAILED, SUCCEEDED, World, report

APP = "acme/shop"


@pytest.fixture
def world(valkey_world):
    """An app at 50 calls a second, a job of ten, and a worker with 24 slots."""
    valkey_world.app(rate=50, burst=1, max_in_flight=8)
    valkey_world.job = valkey_world.submit(10)
    beat(valkey_world)
    return valkey_world


def beat(world, name="w1", **facts):
    world.worker(name).beat({"cell": "main", "egress": "default", "slots": "24", **facts})


def told(world, job=None):
    return Explain(world.scripts, lambda: world.now).explain(job or world.job)


def set_app(world, **fields):
    world.redis.hset(world.key("app", APP), mapping=fields)


def wait_for(world, member, seconds):
    world.redis.zadd(world.key("wait"), {member: world.now + seconds * 1e6})


def start(world, seconds=1):
    """Run one item, so that the job runs and has a pace."""
    part = world.begun(items=1)
    world.advance(seconds)
    beat(world)
    world.finish(part)


def stop_app(world):
    part = world.begun(items=1)
    world.settle(report(part, {}, again=[0], stop=("AUTH_FAILED", "TOKENBREACH")))
    world.advance(90)


def only_retries_left(world):
    while parts := world.claim():
        for part in parts:
            world.begin(part)
            items = [n for first, last in part.ranges for n in range(first, last + 1)]
            world.settle(report(part, {}, retries=[(n, 40_000_000, 1, 0, "") for n in items]))
        world.advance(1)


SITUATIONS = {
    "paused by a person": (
        lambda world: world.jobs.control(world.job, "pause", why="the vendor called"),
        *("paused", 'it was paused by user: "the vendor called"', "bulkhead jobs resume"),
    ),
    "an app without a token": (stop_app, "paused", "TOKENBREACH", "apps set acme/shop"),
    "a tenant that is paused": (
        lambda world: world.fleet.control("tenant", "acme", "pause", "unpaid"),
        *("tenant_paused", "tenant acme is paused since 2030", "bulkhead tenants resume acme"),
    ),
    "an app that is paused": (
        lambda world: world.fleet.control("app", APP, "pause", "night"),
        *("app_paused", '"night"', "bulkhead apps resume acme/shop"),
    ),
    "no worker": (
        lambda world: world.redis.delete(world.key("worker")),
        *("no_workers", "no worker of cell main takes new work (0 live)", "bulkhead worker"),
    ),
    "a worker that is told to end": (
        lambda world: world.redis.hset(world.key("worker", "w1"), "draining", 1),
        *("no_workers", "(1 live, 1 are told to end)", "bulkhead worker"),
    ),
    "workers of another cell": (
        lambda world: beat(world, cell="eu"),
        *("no_workers", "(0 live, 1 in other cells)", "bulkhead worker"),
    ),
    "a sixth address": (
        lambda world: world.redis.sadd(world.key("app", APP, "egress"), *"abcde"),
        *("egress_limit", "called from 5 public addresses", "bulkhead apps show acme/shop"),
    ),
    "a rest that was asked for": (
        lambda world: set_app(world, cool_until=world.now + 90 * 10**6),
        *("upstream_throttle", "no call before 2030-", "by itself"),
    ),
    "a storm": (
        lambda world: set_app(
            world, learned="0", storm_at=world.now - 5e6, cool_until=world.now + 4 * 10**6
        ),
        *("upstream_throttle", "one trial call at a time, the next 2030", "see the backend"),
    ),
    "a slower backend": (
        lambda world: set_app(world, learned="41.2"),
        *("upstream_throttle", "configured 50/s, learned 41.2/s", "rises again"),
    ),
    "lanes that are all taken": (
        lambda world: set_app(world, held=8),
        *("max_in_flight", "all 8 calls at once that its app may have are out", "--max-in-flight"),
    ),
    "a rate of its own": (
        lambda world: (
            world.redis.hset(world.key("job", world.job), "rate", "0.5"),
            wait_for(world, f"p:{world.job}", 2),
        ),
        *("job_rate", "a rate of its own, 0.5/s; next call 2030", "--rate"),
    ),
    "the rate of its class": (
        lambda world: (
            world.redis.hset(world.key("job", world.job), "class", "message"),
            set_app(world, classes=json.dumps({"message": 3})),
            wait_for(world, f"p:{world.job}", 0.3),
        ),
        *("class_rate", "calls of class message are limited to 3/s", "--class message=N/s"),
    ),
    "its next permit": (
        lambda world: wait_for(world, f"a:{APP}", 0.02),
        *("app_rate", "50 calls a second; the next is allowed 2030", "--rate N/s"),
    ),
    "slots that are all taken": (
        lambda world: (beat(world, slots="1"), world.begun(items=1)),
        *("workers", "all 1 slots of the 1 workers of its cell are taken", "another worker"),
    ),
    "nothing but retries": (
        only_retries_left,
        *("retries", "every row was tried; what is left waits to be tried again (10 rows", "jobs"),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_holds_a_job_back_is_told_in_words_with_what_to_do(world, name):
    bring_about, code, says, to_do = SITUATIONS[name]

    bring_about(world)
    beat(world) if name == "an app without a token" else None

    found = told(world)
    first = found["reasons"][0]
    assert first["code"] == code
    assert any(says in reason["says"] for reason in found["reasons"])
    assert to_do in first["to_do"]
    assert f"It waits: {first['says']}." in found["says"]
    if "bulkhead" in first["to_do"]:
        assert first["to_do"] in found["commands"]


def test_a_job_that_nothing_holds_back_says_so_and_when_it_ends(world):
    start(world)

    found = told(world)

    assert found["reasons"] == []
    assert found["says"][0].startswith(f"Job {world.job} (users.import of acme/shop) is running")
    assert "9 pending, 1 succeeded, of 10 rows" in found["says"][1]
    assert "Nothing holds it back" in found["says"][2]
    assert "expected to end at 2030" in found["says"][-1]


def test_what_stops_a_job_comes_before_what_slows_it(world):
    world.fleet.control("app", APP, "pause")
    set_app(world, learned="3", held=8)
    world.fleet.control("tenant", "acme", "pause")

    codes = [reason["code"] for reason in told(world)["reasons"]]

    assert codes == ["tenant_paused", "app_paused"]


def test_a_job_that_paused_itself_says_why(valkey_world):
    world = valkey_world
    world.app()
    world.job = world.submit(10, max_failures="0")
    beat(world)
    world.finish(world.begun(items=2), FAILED)

    first = told(world)["reasons"][0]

    assert "2 of 10 rows have failed: more than the 0 allowed" in first["says"]
    assert "bulkhead jobs errors" in first["to_do"]


def test_a_job_for_later_says_when_it_starts_and_until_when_it_may_call(world):
    job = world.submit(3, at=world.wall() + 7200, deadline=world.wall() + 86400)

    found = told(world, job)

    assert found["reasons"][0]["code"] == "schedule"
    assert "(in 2 h)" in found["reasons"][0]["says"]
    assert any("after its deadline" in sentence for sentence in found["says"])


def test_the_jobs_beside_it_are_named_with_their_shares(world):
    other = world.submit(900, priority="urgent")
    world.submit(5, priority="bulk")

    found = told(world)

    assert found["share"] == pytest.approx(4 / 21, abs=1e-4)
    (sentence,) = [one for one in found["says"] if one.startswith("Of its app's calls")]
    assert "it gets 19 %" in sentence.replace("19%", "19 %")
    assert f"{other} (urgent, 900 rows left) 76%" in sentence
    assert "(bulk, 5 rows left) 5%" in sentence


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED])
def test_a_job_that_has_ended_waits_for_nothing(world, state):
    while parts := world.claim():
        for part in parts:
            world.begin(part)
            world.finish(part, state)
        world.advance(1)

    found = told(world)

    assert found["reasons"] == []
    assert "is completed" in found["says"][0]
    assert (f"bulkhead jobs retry {world.job}" in found["commands"]) == (state == FAILED)


def test_a_job_that_is_none_is_not_found(world):
    with pytest.raises(NotFound):
        told(world, "job_" + "0" * 26)


def test_the_command_prints_sentences_or_the_facts(store_server, redis, home):
    world = World(redis)
    world.scripts = Scripts(redis)
    site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
    world.app(rate=50)
    job = world.submit(5)

    words = typed("jobs", "explain", job, "-o", "table", **site)
    facts = typed("jobs", "explain", job, "-o", "json", **site)

    assert (words.returncode, facts.returncode) == (0, 0), words.stderr + facts.stderr
    assert "It waits: no worker of cell main takes new work (0 live)." in words.stdout
    assert f"  bulkhead jobs cancel {job}" in words.stdout
    shown = json.loads(facts.stdout)
    assert shown["limits"]["app_per_s"] == 50
    assert shown["counts"]["pending"] == 5
    assert shown["reasons"][0]["code"] == "no_workers"
