"""One session of a worker: what is handed to its process, and for how long an answer is awaited."""

import pytest

from bulkhead.engine.sessions import Ask, SenderId
from bulkhead.realtime.session import Heard
from worker.course import Course
from worker.live import Live

NEWS = SenderId("acme/shop", "news@acme")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Process:
    """Takes what it is given, and says nothing."""

    pid = 7

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message.mid)

    def close(self):
        """Nothing is left to end."""


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def live(clock):
    course = Course(clock(), has_token=True)
    course.started(clock())
    course.heard(1, clock())
    live = Live(NEWS, course, clock(), clock)
    live.adopt(Process())
    return live


def ask(mid, **facts):
    about = {"job": "job_1", "mid": mid, "to": "ann@acme", "text": "hi"}
    return Ask(f"ask-{mid}", NEWS, "send", about, worker="w9", **facts)


def no_file(_):
    return ""


def status(mid, status=1):
    return Heard("status", 0, {"mid": mid, "status": status, "peer": "ann@acme", "gid": 0})


def test_a_message_is_handed_over_before_its_end(live, clock):
    assert live.hand_over(ask(1, closes=clock() + 2), no_file) is None

    assert live._process.sent == [1]
    assert live.busy


def test_a_message_that_was_taken_in_time_is_withheld_where_its_worker_stood_still(live, clock):
    late = ask(1, closes=clock() + 2)
    clock.now += 30

    answer = live.hand_over(late, no_file)

    assert answer.withheld
    assert live._process.sent == []
    assert not live.busy


def test_a_message_whose_file_took_too_long_is_withheld(live, clock):
    def slow(_):
        clock.now += 5
        return ""

    assert live.hand_over(ask(1, closes=clock() + 2), slow).withheld
    assert live._process.sent == []


def test_a_session_that_is_to_go_does_not_wait_for_a_status_that_never_comes(live, clock):
    live.hand_over(ask(1), no_file)
    live.hand_over(ask(2), no_file)
    clock.now += 59
    assert live.busy

    clock.now += 2

    assert not live.busy
    assert [answer.id for answer in live.close("nobody needed it")] == ["ask-1", "ask-2"]


def test_a_status_that_comes_late_still_answers(live, clock):
    live.hand_over(ask(1), no_file)
    clock.now += 300

    [answer] = live.heard(0, status(1)).answers

    assert (answer.id, answer.said["status"]) == ("ask-1", 1)


def test_what_nobody_will_ask_after_any_more_is_forgotten(live, clock):
    for mid in range(1, 500):
        live.hand_over(ask(mid), no_file)
        clock.now += 60

    assert len(live.close("over")) < 70
