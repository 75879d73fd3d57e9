"""What `apps stats` shows is what the workers reported, month by month."""

import pytest

from bulkhead.backend.call import Call
from bulkhead.backend.client import Backend
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.words import Words
from bulkhead.engine.stats import stats
from bulkhead.model.outcome import Repeat
from bulkhead.model.ranges import indexes
from bulkhead.model.traffic import CallMade
from bulkhead.secrets import Secret
from tests.fakes.engine import START, SUCCEEDED, report
from tests.integration.sandbox_process import TOKEN

DAY = 86400


def settle(world, *calls):
    part = world.begun()
    told = report(part, {SUCCEEDED: list(indexes(part.ranges))})
    for call in calls:
        told.traffic.add(call)
    world.settle(told)
    return told


def test_calls_users_and_bytes_are_added_up_once_and_by_month(world):
    app = world.app()
    ann = CallMade("useradd", "succeeded", "ann", 300, 100)
    bob = CallMade("useradd", "refused", "bob", 300, 120)
    world.submit(1)
    told = settle(world, ann, ann, bob)
    world.settle(told)  # its answer was lost
    world.submit(1)
    settle(world, ann)
    world.advance(20 * DAY)
    world.worker().beat({})
    world.submit(1)
    settle(world, bob)

    (march,), (april,) = (stats(world.scripts, [app], month) for month in ("2030-03", "2030-04"))

    assert march.calls == {"useradd": {"refused": 1, "succeeded": 3}}
    assert (march.users_touched, march.bytes_sent, march.bytes_received) == (2, 1200, 420)
    assert march.since.startswith("2030-03-17")
    assert april.to_dict()["calls_total"] == april.users_touched == 1
    assert stats(world.scripts, [app], "2029-01")[0].since is None


@pytest.mark.parametrize(
    ("days", "month"),
    [(0, "203003"), (14, "203003"), (15, "203004"), (714, "203202"), (715, "203203")],
)
def test_the_month_is_that_of_the_stores_clock(world, days, month):
    world.app()
    # The simulated clock stands at 2030-03-17; 2032 has a 29th of February.
    world.advance(days * DAY)
    world.worker().beat({})
    world.submit(1)

    settle(world, CallMade("useradd", "succeeded", "ann", 1, 1))

    assert START // 1_000_000 == 1_900_000_000
    assert world.redis.exists(world.key("stats", "acme/shop", month)) == 1
    assert world.redis.ttl(world.key("stats", "acme/shop", month, "users")) > 0


def test_the_bytes_of_a_call_are_those_that_went_by(sandbox, transport):
    endpoint = Endpoint(f"http://127.0.0.1:{sandbox.port}/backend/")
    call = Call("useradd", {"user": {"address": "ann"}}, Repeat.SAFE, "ann")
    body = Backend(Words()).body(endpoint, Secret(TOKEN), call)

    first, second = (transport.post(endpoint, body) for _ in range(2))

    assert first.sent > len(TOKEN) + 200
    assert first.received > 50
    assert (second.sent, second.received) == (first.sent, first.received)


def test_the_time_that_calls_took_is_added_up_by_operation(world):
    app = world.app()
    world.submit(1)
    part = world.begun()
    told = report(part, {SUCCEEDED: [0]})
    for seconds in (0.2, 0.4):
        told.traffic.add(CallMade("useradd", "succeeded", "ann", 1, 1), seconds)
    told.traffic.add(CallMade("userdel", "succeeded", "ann", 1, 1))
    world.settle(told)

    (month,) = stats(world.scripts, [app], "2030-03")

    assert month.took == {"useradd": pytest.approx(0.6)}
    assert month.to_dict()["latency_ms"] == {"useradd": 300.0}


def test_operations_beyond_a_month_full_of_names_are_counted_together(world):
    app = world.app()
    world.submit(1)
    settle(world, *(CallMade(f"op{n}", "refused", "", 1, 1) for n in range(500)))
    world.submit(1)
    settle(world, CallMade("op3", "refused", "", 1, 1), CallMade("late", "refused", "", 1, 1))

    (month,) = stats(world.scripts, [app], "2030-03")

    assert month.calls["op3"] == {"refused": 2}
    assert month.calls["other"] == {"refused": 1}
    assert month.to_dict()["calls_total"] == 502
