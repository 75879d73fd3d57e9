"""What the site does now, read from a store that a test has filled."""

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.overview import Overview
from bulkhead.engine.script import Scripts
from bulkhead.engine.wordbook import Heard, WordBook
from bulkhead.model.app import AppSettings

ROOT = "{bulkhead}"


@pytest.fixture
def fleet(redis):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    token = SealedToken("box", "abcd", "f")
    fleet.add_app("acme/shop", AppSettings(base_url="http://127.0.0.1:1/"), token)
    return fleet


def seen(redis):
    return Overview(Scripts(redis)).read(newest=0)


def test_a_cooling_app_says_since_when_why_and_until_when(redis, fleet):
    seconds, _ = redis.time()
    cooling = {
        "cool_until": (seconds + 600) * 10**6,
        "cool_since": (seconds - 60) * 10**6,
        "cool_streak": 3,
    }
    redis.hset(f"{ROOT}:app:acme/shop", mapping=cooling)

    [app] = seen(redis).apps

    assert (app.state, app.why) == ("cooling", "throttled 3 times in a row")
    assert app.since < app.cooling_until


def test_an_app_of_a_paused_tenant_says_what_was_said_of_the_tenant(redis, fleet):
    fleet.control("tenant", "acme", "pause", "unpaid")

    [app] = seen(redis).apps

    assert (app.state, app.why) == ("tenant_paused", "unpaid")
    assert app.since


@pytest.mark.parametrize(
    "fill",
    [
        lambda redis, name: redis.rpush(name, "a", "b"),
        lambda redis, name: redis.zadd(name, {"a": 1, "b": 2}),
        lambda redis, name: redis.hset(name, mapping={"a": 1, "b": 2}),
        lambda redis, name: redis.xadd(name, {"a": 1}) and redis.xadd(name, {"a": 2}),
    ],
)
def test_dead_submissions_are_counted_whatever_holds_them(redis, fill):
    assert seen(redis).dead == 0

    fill(redis, f"{ROOT}:dead")

    assert seen(redis).dead == 2


def test_a_worker_of_which_nothing_is_left_is_not_listed(redis):
    scripts = Scripts(redis)
    ends = Overview(scripts).time() + 8e6
    redis.zadd(scripts.key("worker"), {"dead": ends, "alive": ends})
    redis.hset(scripts.key("worker", "alive"), "pid", "7")

    assert [worker.worker for worker in Overview(scripts).workers()] == ["alive"]


def test_the_oldest_due_entry_is_named_and_one_that_is_not_due_is_not(redis):
    seconds, _ = redis.time()
    redis.zadd(f"{ROOT}:wait", {"j:job_1": (seconds + 600) * 1e6})
    assert seen(redis).oldest == ""

    redis.zadd(f"{ROOT}:wait", {"a:acme/shop": (seconds - 60) * 1e6})

    assert seen(redis).oldest == "acme/shop"


def test_words_that_nobody_has_listed_are_among_it(redis):
    words = [Heard("acme/shop", word, "useradd", 2) for word in ("ODD", "BADOP")]
    WordBook(Scripts(redis)).count(words)

    assert [(word.word, word.count) for word in seen(redis).unlisted] == [("ODD", 2)]
