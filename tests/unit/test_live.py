"""A session that a worker has: each ask is answered once, whatever its process says and when."""

import pytest

from bulkhead.engine.sessions import HISTORY, SEND, Ask, SenderId
from bulkhead.errors import SessionEnded
from bulkhead.realtime.session import Heard
from worker.course import Course
from worker.live import Live, state_of

WHO = SenderId("acme/shop", "news@example.com")


class Process:
    """What a session's process is told; one that has ended takes nothing."""

    pid = 7

    def __init__(self):
        self.sent, self.asked, self.closed, self.ended = [], [], False, False

    def send(self, message):
        if self.ended:
            raise SessionEnded("it has ended")
        self.sent.append(message)

    def history(self, request, *, peer, gid, count):
        self.asked.append((request, peer, gid, count))

    def close(self):
        self.closed = True


def online():
    live = Live(WHO, Course(0, has_token=True), 0, clock=lambda: 10.0)
    process = start(live)
    return live, process


def start(live):
    live.serial += 1
    live.course.started(10)
    process = Process()
    live.adopt(process)
    live.heard(live.serial, word("connection", status=1))
    return process


def word(kind, **about):
    return Heard(kind, 0, about)


def message(mid=5, **about):
    return Ask(f"ask {mid}", WHO, SEND, {"mid": mid, "to": "ann", "text": "x", **about}, worker="w")


def hand(live, ask):
    return live.hand_over(ask, lambda _: "")


def said(came):
    return [(one.id, dict(one.said)) for one in came.answers]


def test_a_message_is_answered_by_its_first_status_and_not_again():
    live, process = online()

    assert hand(live, message(4_000_000_000)) is None
    first = live.heard(1, word("status", mid=-294_967_296, status=1, peer="ann", gid=0))
    second = live.heard(1, word("status", mid=4_000_000_000, status=2, peer="ann", gid=0))

    assert [one.mid for one in process.sent] == [4_000_000_000]
    assert said(first) == [("ask 4000000000", {"status": 1, "member": False})]
    assert said(second) == []
    assert not live.busy


def test_what_fails_at_one_member_is_known_to_be_about_a_member():
    live, _ = online()
    hand(live, message(to="", gid=99))

    came = live.heard(1, word("status", mid=5, status=129, peer="bob", gid=99))

    assert said(came) == [("ask 5", {"status": 129, "member": True})]


@pytest.mark.parametrize("status", [0, 18, 33])
def test_a_status_that_says_nothing_of_acceptance_answers_nobody(status):
    live, _ = online()
    hand(live, message())

    assert said(live.heard(1, word("status", mid=5, status=status))) == []
    assert live.busy


def test_what_the_package_does_not_take_is_answered_and_a_slower_pace_follows():
    live, _ = online()
    hand(live, message())

    came = live.heard(1, word("returned", mid=5, result=140))

    assert said(came) == [("ask 5", {"result": 140})]
    assert came.cools == 1


def test_a_message_that_waits_for_its_status_is_not_answered_by_what_send_returned():
    live, _ = online()
    hand(live, message())

    assert said(live.heard(1, word("returned", mid=5, result=0))) == []
    assert live.busy


def test_an_ask_that_cannot_be_handed_over_is_withheld_with_the_sessions_state():
    live, process = online()
    process.ended = True

    ended = hand(live, message())
    live.heard(1, word("connection", status=2))
    offline = hand(live, message())

    assert ended.withheld
    assert offline.said == {"withheld": True, "state": "offline", "why": ""}
    assert not live.busy


def test_whatever_was_handed_to_a_process_that_ends_is_told_so_and_no_others():
    live, _ = online()
    hand(live, message(5))
    first = live.heard(1, word("ended", code=0, signal="SIGKILL", why=""))
    start(live)
    hand(live, message(6))

    late = live.heard(1, word("ended", code=0, signal="SIGKILL", why=""))

    assert said(first) == [("ask 5", {"ended": "SIGKILL"})]
    assert said(late) == []
    assert live.busy
    assert live.course.online


def test_a_session_that_is_closed_tells_what_is_not_answered():
    live, process = online()
    hand(live, message())

    answers = live.close("nobody needed it")

    assert [dict(one.said) for one in answers] == [{"ended": "nobody needed it"}]
    assert process.closed
    assert live.pid == 0


def test_a_session_that_is_to_leave_takes_nothing_more_and_closes_its_gate():
    live, _ = online()

    live.leaving = "its place went to another sender"

    assert hand(live, message()).withheld
    assert state_of(live, 10).state == "offline"


def test_a_question_is_answered_by_its_history():
    live, process = online()
    hand(live, Ask("q1", WHO, HISTORY, {"peer": "ann", "count": 5}, worker="w"))

    came = live.heard(1, word("history", request="q1", messages=[{"mid": 1}], last=True))

    assert process.asked == [("q1", "ann", 0, 5)]
    assert said(came)[0][1]["history"] == [{"mid": 1}]
