"""`bulkhead submissions dead`: look at refused messages, send them again, forget them."""

import pytest

from bulkhead.engine.audit import Audit
from bulkhead.engine.front import QUEUE
from bulkhead.engine.script import Scripts
from tests.command import KEY, typed
from tests.fakes.reception import Reception


@pytest.fixture
def door(redis, store_server):
    return Reception(redis, store_server.broker_url).app()


@pytest.fixture
def dead(store_server):
    def run(*words):
        settings = {"redis_url": store_server.url, "secret_key": KEY}
        return typed("submissions", "dead", *words, **settings)

    return run


def test_a_refused_message_is_listed_shown_retried_and_dropped(door, dead, redis):
    door.redis.lpush(QUEUE, b"garbage")
    door.serve()
    letter = door.letter()

    listed, shown = dead("list", "-o", "csv"), dead("show", letter.id)
    raw, retried = dead("show", letter.id, "--raw"), dead("retry", letter.id)

    assert listed.stdout.splitlines()[1].startswith(f"{letter.id},")
    assert '"code": "NOT_A_MESSAGE"' in shown.stdout
    assert "garbage" not in listed.stdout + shown.stdout
    assert raw.stdout.startswith("garbage")
    assert '"state": "retried"' in retried.stdout
    assert door.serve() == 1
    assert dead("drop", letter.id).returncode == 6
    assert list(Audit(Scripts(redis)).entries()) == []
    assert dead("drop", letter.id, "--yes").returncode == 0
    (told,) = Audit(Scripts(redis)).entries()
    assert (told.action, told.about["letter"]) == ("submissions.dead.drop", letter.id)
    assert dead("show", letter.id).returncode == 2
    assert dead("list").stdout.strip() == "[]"
