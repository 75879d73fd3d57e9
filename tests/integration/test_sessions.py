"""Sessions: one worker at a time has one, and what is asked of it is taken once or taken back."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import Answer, Ask, SenderId, Sessions, State

NEWS = SenderId("acme/shop", "news@acme")
ONLINE = State("online")


@pytest.fixture
def sessions(world):
    world.app()
    return Sessions(world.scripts)


def online(sessions, worker="w1", who=NEWS):
    assert sessions.acquire(who, worker)
    assert sessions.renew(worker, {who: ONLINE}) == []


def ask(name, who=NEWS, **facts):
    return Ask(name, who, "send", {"job": "job_1", "mid": 7, "text": "hi"}, worker="w9", **facts)


def told(sessions, worker="w9"):
    return {answer.id: dict(answer.said) for answer in sessions.answers(worker, 0.001)}


def test_a_session_that_nobody_wants_is_closed(sessions):
    assert sessions.view(NEWS).state == "closed"
    assert sessions.views() == []


def test_a_wanted_session_says_that_no_worker_has_taken_it(sessions):
    view = sessions.want(NEWS)

    assert (view.state, view.why, view.worker) == ("wanted", "no worker has taken it yet", "")
    assert [one.who for one in sessions.wanted("main")] == [NEWS]
    assert sessions.wanted("elsewhere") == []


def test_nobody_wants_a_session_of_an_app_that_is_not_there(sessions):
    assert sessions.want(SenderId("acme/gone", "news@acme")).state == "closed"
    assert sessions.wanted("main") == []


def test_a_session_is_wanted_for_a_minute(world, sessions):
    sessions.want(NEWS)

    world.advance(59)
    assert [one.idle for one in sessions.wanted("main")] == [59]
    world.advance(2)
    assert sessions.wanted("main") == []


def test_what_a_worker_has_stays_on_the_list_though_nobody_needs_it(world, sessions):
    online(sessions)

    for _ in range(10):
        world.advance(9)
        sessions.renew("w1", {NEWS: ONLINE})

    (one,) = sessions.wanted("main")
    assert (one.worker, one.state, one.held) == ("w1", "online", 90)


def test_an_app_at_rest_wants_no_session_unless_somebody_listens(world, sessions):
    sessions.want(NEWS)
    world.fleet.control("app", "acme/shop", "pause")
    assert sessions.wanted("main") == []

    sessions.want(NEWS, listen=60)
    (one,) = sessions.wanted("main")
    assert one.listening


def test_two_workers_want_one_sender_and_one_has_it(sessions):
    assert sessions.acquire(NEWS, "w1")
    assert not sessions.acquire(NEWS, "w2")
    assert sessions.view(NEWS).worker == "w1"


def test_a_lease_is_another_workers_when_it_has_ended(world, sessions):
    online(sessions)
    world.advance(10)

    assert sessions.view(NEWS).worker == ""
    assert sessions.acquire(NEWS, "w2")

    assert sessions.renew("w1", {NEWS: ONLINE}) == [NEWS]
    assert sessions.view(NEWS).worker == "w2"
    assert sessions.view(NEWS).state == "connecting"


def test_a_lease_that_is_renewed_does_not_end(world, sessions):
    online(sessions)
    for _ in range(5):
        world.advance(6)
        assert sessions.renew("w1", {NEWS: ONLINE}) == []

    assert not sessions.acquire(NEWS, "w2")
    assert sessions.view(NEWS).state == "online"


def test_a_late_worker_keeps_what_nobody_took_meanwhile(world, sessions):
    online(sessions)
    world.advance(60)

    assert sessions.renew("w1", {NEWS: ONLINE}) == []
    assert sessions.view(NEWS).state == "online"


def test_a_dead_workers_session_is_not_online(world, sessions):
    online(sessions)
    sessions.want(NEWS)
    world.advance(11)

    view = sessions.view(NEWS)
    assert (view.state, view.why) == ("wanted", "no worker has taken it yet: worker w1 ended")


def test_a_released_session_can_be_taken_at_once_and_says_why_it_is_not_there(sessions):
    online(sessions)
    sessions.release(NEWS, "w1", State("failed", "signed out elsewhere", again_at=1_900_000_060))

    view = sessions.view(NEWS)
    assert (view.state, view.why) == ("failed", "signed out elsewhere")
    assert view.again_at == 1_900_000_060
    assert sessions.acquire(NEWS, "w2")


def test_who_lost_a_session_cannot_release_it(sessions):
    online(sessions, "w2")

    sessions.release(NEWS, "w1", State("failed", "mine no more"))

    assert sessions.view(NEWS).state == "online"


def test_an_ask_reaches_the_worker_that_has_the_session_and_its_answer_who_asked(sessions):
    online(sessions)
    sessions.ask([ask("one"), ask("two")])

    taken = sessions.take("w1", [NEWS], 0.01)
    sessions.answer(Answer(one.id, one.worker, {"status": 1}) for one in taken)

    assert [one.id for one in taken] == ["one", "two"]
    assert taken[0].about == {"job": "job_1", "mid": 7, "text": "hi"}
    assert told(sessions) == {"one": {"status": 1}, "two": {"status": 1}}
    assert sessions.take("w1", [NEWS], 0.01) == []


def test_a_message_that_finds_no_session_online_is_withheld_at_once(sessions):
    sessions.acquire(NEWS, "w1")
    sessions.renew("w1", {NEWS: State("failed", "twice")})

    sessions.ask([ask("one")])

    assert told(sessions) == {"one": {"withheld": True, "state": "failed", "why": "twice"}}
    assert sessions.take("w1", [NEWS], 0.01) == []


def test_only_who_has_the_session_takes_its_asks(world, sessions):
    online(sessions)
    sessions.ask([ask("one")])

    assert sessions.take("w2", [NEWS], 0.01) == []
    world.advance(11)
    assert sessions.take("w1", [NEWS], 0.01) == []
    sessions.acquire(NEWS, "w2")
    assert [one.id for one in sessions.take("w2", [NEWS], 0.01)] == ["one"]


def test_what_is_too_late_is_withheld_and_not_given(world, sessions):
    online(sessions)
    sessions.ask(
        [ask("late", left=1_000_000), ask("by the clock", not_after=world.now + 2_000_000)]
    )
    sessions.ask([ask("in time", left=60_000_000)])

    world.advance(2)

    assert [one.id for one in sessions.take("w1", [NEWS], 0.01)] == ["in time"]
    assert set(told(sessions)) == {"late", "by the clock"}


def test_what_is_taken_says_until_when_it_may_be_sent_by_the_takers_own_clock(world, sessions):
    online(sessions)
    before = time.monotonic()
    sessions.ask([ask("one", left=2_000_000), ask("for ever")])
    world.advance(1.5)

    one, endless = sessions.take("w1", [NEWS], 0.01)

    assert before < one.closes - 0.5 < time.monotonic()
    assert endless.closes == 0


def test_what_nobody_took_when_its_session_is_released_is_withheld(sessions):
    online(sessions)
    sessions.ask([ask("one")])

    sessions.release(NEWS, "w1", State("closed"))

    assert told(sessions)["one"]["withheld"]
    assert sessions.withdraw(NEWS, ["one"]) == []


def test_what_was_withdrawn_is_never_taken_and_what_was_taken_never_withdrawn(sessions):
    online(sessions)
    sessions.ask([ask("one"), ask("two")])

    assert sessions.withdraw(NEWS, ["one", "never asked"]) == ["one"]
    assert [one.id for one in sessions.take("w1", [NEWS], 0.01)] == ["two"]
    assert sessions.withdraw(NEWS, ["two"]) == []


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(2, 120), share=st.integers(1, 5))
def test_of_a_taker_and_a_withdrawer_at_the_same_time_each_ask_has_one(
    store_server, redis, number, share
):
    redis.flushall()
    sessions = Sessions(Scripts(redis))
    online(sessions)
    names = [f"ask-{index}" for index in range(number)]
    sessions.ask([ask(name) for name in names])
    taken, withdrawn, start = [], [], threading.Barrier(2)

    def take():
        start.wait()
        while found := sessions.take("w1", [NEWS], 0.001):
            taken.extend(one.id for one in found)

    def withdraw():
        start.wait()
        for first in range(0, number, share):
            withdrawn.extend(sessions.withdraw(NEWS, names[first : first + share]))

    threads = [threading.Thread(target=each) for each in (take, withdraw)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(taken + withdrawn) == sorted(names)


def test_a_request_waits_for_its_session_and_hears_what_that_says(redis, eventually):
    sessions = Sessions(Scripts(redis))
    redis.hset(sessions._scripts.key("app", "acme/shop"), mapping={"base_url": "https://x"})
    heard = []

    def request():
        heard.append(sessions.request(NEWS, "history", {"peer": "ann"}, 30))

    asking = threading.Thread(target=request)
    asking.start()
    eventually(lambda: sessions.view(NEWS).state == "wanted")
    online(sessions)
    (one,) = eventually(lambda: sessions.take("w1", [NEWS], 0.05))
    sessions.answer([Answer(one.id, one.worker, {"history": [1, 2]})])
    asking.join(30)

    assert heard == [{"history": [1, 2]}]
    assert one.about == {"peer": "ann"}


def test_a_request_that_nobody_answers_ends_and_leaves_nothing_behind(redis):
    sessions = Sessions(Scripts(redis))

    assert sessions.request(NEWS, "history", {}, 0.05) is None
    online(sessions)
    assert sessions.take("w1", [NEWS], 0.001) == []


def test_events_are_kept_only_while_somebody_listens(world, sessions):
    sessions.tell(NEWS, [{"kind": "message", "mid": 1}])
    sessions.want(NEWS, listen=30)
    start = sessions.position(NEWS)
    sessions.tell(NEWS, [{"kind": "message", "mid": 2}, {"kind": "call"}])
    world.advance(31)
    sessions.tell(NEWS, [{"kind": "message", "mid": 3}])

    found = sessions.events(NEWS, start, 0.01)

    assert [event for _, event in found] == [{"kind": "message", "mid": 2}, {"kind": "call"}]
    assert sessions.events(NEWS, found[-1][0], 0.01) == []


def test_a_worker_hears_with_its_beat_that_a_session_is_needed_in_its_cell(world, sessions):
    worker = world.worker()
    before = worker.beat({"cell": "main"})

    sessions.want(NEWS)

    assert not before.sessions
    assert worker.beat({"cell": "main"}).sessions
    assert not worker.beat({"cell": "elsewhere"}).sessions
