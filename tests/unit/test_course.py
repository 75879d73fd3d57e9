"""What the keeper of a session does next, whatever the package says."""

import pytest

from worker.course import (
    CONNECTS_WITHIN,
    LONGEST,
    SIGN_IN_AGAIN,
    SIGN_IN_LONGEST,
    STEADY,
    Course,
    Step,
)


def online(now=0.0):
    course = Course(now, has_token=True)
    course.started(now)
    course.heard(1, now)
    return course


def failed(course):
    return course.state == "failed" and not course.running


def test_a_session_without_a_token_signs_in_and_then_connects():
    course = Course(0, has_token=False)

    assert course.next(0) is Step.SIGN_IN
    course.signing_in("job_1", 0)
    assert (course.state, course.job) == ("signing_in", "job_1")
    assert course.next(1) is Step.LOOK
    course.signed_in(1)
    assert course.next(1) is Step.START
    course.started(1)
    assert course.state == "connecting"
    course.heard(6, 2)
    assert course.state == "connecting"
    course.heard(1, 3)
    assert course.online
    assert course.next(4) is Step.WAIT


def test_a_token_that_is_kept_needs_no_job():
    assert Course(0, has_token=True).next(0) is Step.START


@pytest.mark.parametrize("status", [2, 6, 7, 8])
def test_a_session_that_lost_its_connection_waits_for_the_package(status):
    course = online()

    course.heard(status, 5)

    assert course.state == "offline"
    assert course.running
    assert course.next(500) is Step.WAIT
    course.heard(1, 501)
    assert course.online


def test_a_process_that_ended_is_started_again_at_once_and_then_after_growing_pauses():
    course, now, pauses = online(), 1.0, []

    course.ended("signal 9", now)
    assert course.state == "connecting"
    assert course.next(now) is Step.START
    for _ in range(9):
        course.started(now)
        course.ended("signal 11", now)
        assert failed(course)
        pauses.append(course.again_at - now)
        assert course.next(course.again_at - 0.01) is Step.WAIT
        now = course.again_at
        assert course.next(now) is Step.START

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert "10 times" in course.why
    assert "signal 11" in course.why


def test_after_a_steady_minute_an_ending_is_the_first_one_again():
    course = online()
    course.ended("signal 9", 1)
    course.started(1)
    course.heard(1, 2)

    course.ended("signal 9", 2 + STEADY)

    assert course.next(2 + STEADY) is Step.START


def test_a_refused_token_is_replaced_once_and_then_the_session_has_failed():
    course = online()

    course.heard(4, 10)
    assert course.state == "signing_in"
    assert not course.running
    assert course.next(10) is Step.SIGN_IN
    course.signing_in("job_2", 10)
    course.signed_in(11)
    course.started(11)
    course.heard(4, 12)

    assert failed(course)
    assert course.again_at == 12 + LONGEST
    assert course.next(12 + LONGEST) is Step.SIGN_IN


def test_a_token_that_worked_may_be_replaced_again():
    course = online()
    course.heard(4, 10)
    course.signed_in(11)
    course.started(11)
    course.heard(1, 12)

    course.heard(4, 13)

    assert course.next(13) is Step.SIGN_IN


def test_a_session_that_is_signed_out_elsewhere_does_not_fight_for_its_place():
    course = online()

    course.heard(3, 5)

    assert failed(course)
    assert "elsewhere" in course.why
    assert course.again_at == 5 + LONGEST


@pytest.mark.parametrize("status", [5, 9, 10, 21, 22])
def test_what_the_package_does_not_come_back_from_is_a_failure_with_a_reason(status):
    course = online()

    course.heard(status, 5)

    assert failed(course)
    assert course.why
    assert course.again_at == 5 + LONGEST
    assert course.next(course.again_at) is Step.START


@pytest.mark.parametrize("status", [0, 20, -1, 99])
def test_other_statuses_change_nothing(status):
    course = online()

    course.heard(status, 5)

    assert course.online
    assert course.since == 0


def test_a_package_that_says_nothing_is_started_anew():
    course = Course(0, has_token=True)
    course.started(0)

    assert course.next(CONNECTS_WITHIN - 0.1) is Step.WAIT
    assert course.running
    assert course.next(CONNECTS_WITHIN) is Step.WAIT
    assert failed(course)
    assert course.next(course.again_at) is Step.START


def test_no_token_is_a_failure_that_is_tried_again():
    course = Course(0, has_token=False)
    course.signing_in("job_1", 0)

    course.not_signed_in("the backend refused the request", 1)

    assert failed(course)
    assert "the backend refused the request" in course.why
    assert course.next(1 + SIGN_IN_AGAIN) is Step.SIGN_IN


def test_a_sender_that_is_refused_again_and_again_is_asked_for_ever_less_often():
    course, now, pauses = Course(0, has_token=False), 0.0, []
    for _ in range(9):
        course.signing_in("job_1", now)
        course.not_signed_in("the backend refused the request", now)
        pauses.append(course.again_at - now)
        now = course.again_at

    assert pauses[:3] == [SIGN_IN_AGAIN, 2 * SIGN_IN_AGAIN, 4 * SIGN_IN_AGAIN]
    assert pauses[-2:] == [SIGN_IN_LONGEST, SIGN_IN_LONGEST]

    course.signing_in("job_2", now)
    course.signed_in(now)
    course.not_signed_in("its token was forgotten", now)
    assert course.again_at - now == SIGN_IN_AGAIN


def test_what_is_heard_after_the_end_of_a_process_changes_nothing():
    course = online()
    course.heard(5, 1)

    course.heard(1, 2)
    course.ended("exit 0", 2)

    assert failed(course)
    assert "times" not in course.why


def test_a_throttled_session_rests_longer_each_time_until_a_message_goes_through():
    course, now, pauses = online(), 0.0, []

    for _ in range(8):
        course.cool(now)
        course.cool(now)
        pauses.append(course.cool_until - now)
        now = course.cool_until
    course.went_through()
    course.cool(now)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert course.cool_until - now == 1
