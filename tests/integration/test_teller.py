"""What sessions say reaches who asked, and is counted with the message's job."""

import pytest
from structlog.testing import capture_logs

from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.sessions import Ask, SenderId, Sessions, State
from bulkhead.realtime.session import Heard
from worker.course import Course
from worker.live import Live
from worker.teller import Teller

NEWS = SenderId("acme/shop", "news@acme")


class Process:
    pid = 7

    def send(self, message):
        """It goes nowhere."""


@pytest.fixture
def sessions(world):
    world.app()
    sessions = Sessions(world.scripts)
    assert sessions.acquire(NEWS, "w1")
    sessions.renew("w1", {NEWS: State("online")})
    return sessions


@pytest.fixture
def live():
    live = Live(NEWS, Course(0, has_token=True), 0, clock=lambda: 10.0)
    live.course.started(10)
    live.course.heard(1, 10)
    live.adopt(Process())
    return live


def hand(live, mid, name):
    ask = Ask(name, NEWS, "send", {"mid": mid, "to": "user0", "text": "hi"}, worker="w1")
    assert live.hand_over(ask, lambda _: "") is None


def status(mid, status):
    return Heard("status", 0, {"mid": mid, "status": status, "peer": "user0", "gid": 0})


def tell(world, sessions, live, *words):
    teller = Teller(sessions, Deliveries(world.scripts), lambda live: None)
    teller.start()
    for word in words:
        teller.hear(live, 0, word)
    teller.finish()
    return {answer.id: dict(answer.said) for answer in sessions.answers("w1", 0.001)}


def test_a_message_that_mesibo_did_not_take_at_first_is_not_counted_as_lost(world, sessions, live):
    job = world.submit(1, kind="broadcast", sender=NEWS.sender)
    mid = int(world.jobs.fields(job)["mid"])
    hand(live, mid, "first")

    assert tell(world, sessions, live, status(mid, 130))["first"]["status"] == 130
    assert Deliveries(world.scripts).funnel(job).recipients.sent == 0

    hand(live, mid, "again")
    tell(world, sessions, live, status(mid, 1))
    reached = Deliveries(world.scripts).funnel(job).recipients
    assert (reached.sent, reached.lost) == (1, 0)


def test_a_message_that_was_taken_and_did_not_arrive_is_counted_as_lost(world, sessions, live):
    job = world.submit(1, kind="broadcast", sender=NEWS.sender)
    mid = int(world.jobs.fields(job)["mid"])
    hand(live, mid, "first")

    tell(world, sessions, live, status(mid, 1), status(mid, 130))

    reached = Deliveries(world.scripts).funnel(job).recipients
    assert (reached.sent, reached.lost) == (1, 1)


def test_a_word_that_nobody_understands_takes_no_other_with_it(world, sessions, live):
    hand(live, 5, "one")

    with capture_logs() as logs:
        told = tell(world, sessions, live, Heard("status", 0, {"mid": None}), status(5, 1))

    assert told["one"]["status"] == 1
    assert [line["event"] for line in logs] == ["session_words_lost"]
