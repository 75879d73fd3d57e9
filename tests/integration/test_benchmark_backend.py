"""The benchmarks' backend, and the promise that no figure rests on a wrong count."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from benchmarks.backend import Backend, WrongCount
from benchmarks.leg import Leg, median_of
from benchmarks.waiting import until


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


def test_each_group_of_addresses_has_a_log_of_its_own(backend):
    for name in ("shop.1@x", "shop.2@x", "other.1@x", "ann@x"):
        add(backend, name)

    assert {group: len(times) for group, times in backend.logs().items()} == {
        "shop": 2,
        "other": 1,
        "": 1,
    }
    assert backend.log("shop") == sorted(backend.log("shop"))


def test_a_delayed_group_is_answered_when_the_delay_is_taken_away(backend):
    backend.delay({"slow": 3600.0})
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(add, backend, "slow.1@x")
        quick = add(backend, "quick.1@x")
        until(lambda: backend.log("slow"), 60)

        backend.delay({})

        assert quick["result"] is True
        assert waiting.result(60)["user"]["address"] == "slow.1@x"


def test_a_reset_keeps_the_delays(backend):
    backend.delay({"*": 0.001})
    backend.reset()

    assert add(backend, "any.1@x")["result"] is True


def test_a_user_who_wants_a_token_gets_one(backend):
    call = {"op": "userset", "user": {"address": "ann", "token": {"appid": "com.example"}}}

    assert len(requests.post(backend.url, json=call, timeout=60).json()["user"]["token"]) == 48


def test_the_median_is_taken_of_each_duration_by_itself():
    legs = [Leg("a", 10, 1.0, 9.0), Leg("a", 10, 3.0, 7.0), Leg("a", 10, 2.0, 8.0)]

    assert median_of(legs) == Leg("a", 10, 2.0, 8.0)
