"""Which sessions the workers of a cell are told of, however many are wanted."""

import pytest

from bulkhead.engine.sessions import SenderId, Sessions, State

NEWS = SenderId("acme/shop", "news@acme")
ONLINE = State("online")


@pytest.fixture
def sessions(world):
    world.app()
    return Sessions(world.scripts)


def online(sessions):
    assert sessions.acquire(NEWS, "w1")
    assert sessions.renew("w1", {NEWS: ONLINE}) == []


def flood(world, sessions, number=1200):
    """So many senders of another tenant are wanted now."""
    world.app("flood/app")
    for one in range(number):
        sessions.want(SenderId("flood/app", f"sender-{one}@flood"))


def test_a_flood_of_senders_hides_neither_what_a_worker_has_nor_what_another_tenant_wants(
    world, sessions
):
    online(sessions)
    other = SenderId("acme/shop", "other@acme")
    sessions.want(other)
    world.advance(1)
    flood(world, sessions)

    wanted = {one.who: one for one in sessions.wanted("main")}

    assert wanted[NEWS].worker == "w1"
    assert other in wanted
    assert 0 < sum(one.tenant == "flood" for one in wanted.values()) < 1200


def test_a_session_whose_app_has_moved_is_taken_in_the_new_cell_alone(world, sessions):
    sessions.want(NEWS)
    world.redis.hset(world.key("app", "acme/shop"), "cell", "elsewhere")
    sessions.want(NEWS)

    assert sessions.wanted("main") == []
    assert [one.who for one in sessions.wanted("elsewhere")] == [NEWS]


def test_a_session_that_is_held_while_its_app_moves_is_the_new_cells(world, sessions):
    online(sessions)
    world.redis.hset(world.key("app", "acme/shop"), "cell", "elsewhere")
    sessions.renew("w1", {NEWS: ONLINE})

    assert sessions.wanted("main") == []
    assert [one.worker for one in sessions.wanted("elsewhere")] == ["w1"]


def test_what_nobody_wants_any_more_is_forgotten_also_after_a_flood(world, sessions):
    flood(world, sessions)
    sessions.want(NEWS, listen=600)
    world.advance(61)

    found = [sessions.wanted("main") for _ in range(3)]

    assert [[one.who for one in each] for each in found] == [[NEWS]] * 3
    assert world.redis.zrange(world.key("sessions", "wanted", "main"), 0, -1) == [
        b"acme/shop news@acme"
    ]
