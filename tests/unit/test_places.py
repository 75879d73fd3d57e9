"""Who gets a place for a session, and who gives way."""

from bulkhead.model.places import HELD_FOR, Held, Moves, Waiting, moves
from bulkhead.model.sender_session import SenderId

NOW = 1_000.0
LONG_AGO = NOW - HELD_FOR


def acme(number):
    return SenderId("acme/shop", f"a{number}@example.com")


def globex(number):
    return SenderId("globex/shop", f"g{number}@example.com")


def test_free_places_are_filled_in_turn_by_tenant_the_longest_waiting_first():
    waiting = [
        Waiting(acme(1), 10),
        Waiting(acme(2), 11),
        Waiting(acme(3), 12),
        Waiting(globex(1), 20),
    ]

    found = moves([], waiting, {}, 3, NOW)

    assert found == Moves(take=(acme(1), globex(1), acme(2)))


def test_what_a_tenant_has_on_other_workers_counts():
    waiting = [Waiting(acme(1), 10), Waiting(globex(1), 20)]

    found = moves([], waiting, {"acme": 2}, 1, NOW)

    assert found.take == (globex(1),)


def test_an_idle_session_gives_way_at_once_the_oldest_first():
    held = [Held(acme(1), 5), Held(acme(2), 4, idle=True), Held(globex(1), 3, idle=True)]

    found = moves(held, [Waiting(acme(9), NOW)], {"acme": 2, "globex": 1}, 3, NOW)

    assert found == Moves(give_up=(globex(1),))


def test_nobody_gives_way_while_nobody_waits():
    held = [Held(acme(1), 0), Held(acme(2), 0, idle=True)]

    assert moves(held, [], {"acme": 2}, 2, NOW) == Moves()


def test_the_tenant_with_the_most_gives_up_the_one_it_held_longest():
    held = [Held(acme(1), LONG_AGO), Held(acme(2), LONG_AGO - 5), Held(globex(1), 0)]

    found = moves(held, [Waiting(globex(2), 900)], {"acme": 3, "globex": 1}, 3, NOW)

    assert found == Moves(give_up=(acme(2),))


def test_a_session_in_use_is_left_alone_for_its_time():
    held = [Held(acme(1), LONG_AGO + 1), Held(acme(2), LONG_AGO + 2)]

    assert moves(held, [Waiting(globex(1), 900)], {"acme": 2}, 2, NOW) == Moves()


def test_a_session_in_use_does_not_give_way_to_one_that_came_just_now():
    held = [Held(acme(1), LONG_AGO), Held(acme(2), LONG_AGO)]

    assert moves(held, [Waiting(globex(1), NOW - 1)], {"acme": 2}, 2, NOW) == Moves()


def test_a_place_does_not_go_to_and_fro_between_tenants_that_have_some():
    held = [Held(acme(1), LONG_AGO), Held(acme(2), LONG_AGO), Held(globex(1), 990)]

    found = moves(held, [Waiting(globex(2), 900)], {"acme": 2, "globex": 1}, 3, NOW)

    assert found == Moves()


def test_a_tenant_with_none_gets_a_turn_even_of_the_only_place():
    held = [Held(acme(1), LONG_AGO)]

    found = moves(held, [Waiting(globex(1), 900)], {"acme": 1}, 1, NOW)

    assert found.give_up == (acme(1),)


def test_senders_of_one_tenant_take_turns():
    held = [Held(acme(1), LONG_AGO), Held(acme(2), LONG_AGO - 1)]

    found = moves(held, [Waiting(acme(3), 900)], {"acme": 2}, 2, NOW)

    assert found.give_up == (acme(2),)


def test_nothing_gives_way_while_a_place_is_being_filled():
    held = [Held(acme(1), LONG_AGO)]

    found = moves(held, [Waiting(globex(1), 900), Waiting(globex(2), 901)], {"acme": 1}, 2, NOW)

    assert found == Moves(take=(globex(1),))
