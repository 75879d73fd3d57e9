"""The wish to stop."""

import threading

import pytest

from bulkhead.errors import Unreachable
from worker.stopping import GRACE, Stopping


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_the_grace_begins_with_the_first_wish_and_is_not_prolonged_by_the_second():
    clock = Clock()
    stopping = Stopping(clock)
    assert not stopping.asked
    assert not stopping.over

    stopping.ask()
    clock.now += GRACE
    stopping.ask()

    assert stopping.asked
    assert not stopping.over
    clock.now += 0.1
    assert stopping.over


def test_whoever_waits_is_woken_by_the_wish():
    stopping, woken = Stopping(), []
    waiting = threading.Thread(target=lambda: woken.append(stopping.wait(60)))
    waiting.start()

    stopping.ask()

    waiting.join(120)
    assert woken == [True]


def test_a_store_that_is_away_is_asked_again_until_it_answers():
    answers = [Unreachable("away"), "here"]

    def question():
        answer = answers.pop(0)
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    assert Stopping().patiently(question) == "here"


def test_a_store_that_is_away_past_the_grace_is_given_up():
    clock = Clock()
    stopping = Stopping(clock)
    stopping.ask()
    clock.now += GRACE + 1

    def question():
        raise Unreachable("away")

    with pytest.raises(Unreachable):
        stopping.patiently(question)


def test_an_answer_that_is_an_error_of_ours_is_not_asked_for_again():
    asked = []

    def question():
        asked.append(1)
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        Stopping().patiently(question)
    assert asked == [1]
