"""The benchmarks' backend, and the promise that no figure rests on a wrong count."""

import pytest
import requests

from benchmarks.backend import Backend, WrongCount
from benchmarks.leg import Leg, median_of


@pytest.fixture
def backend():
    with Backend() as backend:
        yield backend


def add(backend, address):
    call = {"op": "useradd", "token": "t" * 32, "user": {"address": address}}
    return requests.post(backend.url, json=call, timeout=60).json()


def test_it_answers_like_mesibo_and_numbers_each_address_once(backend):
    first, again, other = (add(backend, name) for name in ("ann", "ann", "bob"))

    assert first == {"op": "useradd", "result": True, "user": {"uid": 1, "address": "ann"}}
    assert (again["user"]["uid"], other["user"]["uid"]) == (1, 2)


def test_a_call_made_twice_is_no_figure(backend):
    add(backend, "ann")
    add(backend, "ann")

    with pytest.raises(WrongCount, match="2 calls for 1 addresses"):
        backend.exactly(1)


def test_a_call_that_never_came_is_no_figure(backend):
    add(backend, "ann")

    with pytest.raises(WrongCount, match="1 of 2 arrived"):
        backend.wait_for(2, 0.1)


def test_a_reset_forgets_what_arrived(backend):
    add(backend, "ann")

    backend.reset()

    assert backend.count().calls == 0


def test_the_median_is_taken_of_each_duration_by_itself():
    legs = [Leg("a", 10, 1.0, 9.0), Leg("a", 10, 3.0, 7.0), Leg("a", 10, 2.0, 8.0)]

    assert median_of(legs) == Leg("a", 10, 2.0, 8.0)
