"""Claimed minus settled: the room that a worker has."""

import threading

from bulkhead.model.slice import Slice
from worker.slots import Free, Slots


def part(lease, parallel=2):
    return Slice(lease, "acme/shop", "job", "users.import", ((0, 3),), parallel, (0, 0, 0, 0))


def test_a_parcel_takes_its_calls_and_gives_them_back_when_settled():
    slots, parcel = Slots(calls=8, parcels=2), [part("1"), part("2", 3)]

    slots.take(parcel)
    assert slots.wait_free(0) == Free(3, 1)
    slots.begin(parcel)
    assert slots.wait_free(0) == Free(3, 1)
    slots.release(parcel)

    assert slots.wait_free(0) == Free(8, 2)


def test_room_without_calls_or_without_parcels_is_no_room():
    assert not Free(0, 5)
    assert not Free(5, 0)
    assert not Free(-1, 5)
    assert Free(1, 1)


def test_what_was_claimed_and_never_arrived_is_given_back_once():
    slots = Slots(calls=8, parcels=2)
    slots.take([part("1")])
    slots.take([part("2"), part("3")])
    slots.begin([part("1")])

    assert slots.abandon() == ["2", "3"]
    assert slots.abandon() == []


def test_whoever_waits_for_room_hears_of_it_at_once():
    slots, parcel, heard = Slots(calls=2, parcels=2), [part("1")], []
    slots.take(parcel)
    waiting = threading.Thread(target=lambda: heard.append(slots.wait_free(60)))
    waiting.start()

    slots.release(parcel)

    waiting.join(20)
    assert heard == [Free(2, 2)]


def test_lanes_that_a_slice_no_longer_needs_are_free_before_it_is_settled():
    slots, piece = Slots(calls=8, parcels=8), part("7", parallel=6)
    slots.take([piece])
    slots.begin([piece])

    slots.narrow(piece, 2)
    assert slots.wait_free(0).calls == 6
    slots.narrow(piece, 4)
    slots.release([piece])

    assert slots.wait_free(0).calls == 8


def test_a_parcel_that_arrives_twice_runs_once():
    slots, parcel = Slots(calls=8, parcels=2, clock=lambda: 7.0), [part("1")]
    slots.take(parcel)

    assert slots.begin(parcel) == 7.0
    assert slots.begin(parcel) is None
    slots.release(parcel)

    assert slots.begin(parcel) is None
    assert slots.wait_free(0) == Free(8, 2)


def test_the_room_of_a_parcel_that_never_arrives_comes_back_and_it_runs_no_more():
    now = [100.0]
    slots, parcel = Slots(calls=8, parcels=2, clock=lambda: now[0]), [part("1"), part("2", 3)]
    slots.take(parcel)
    now[0] += 2.9
    assert slots.wait_free(0) == Free(3, 1)

    now[0] += 0.2

    assert slots.wait_free(0) == Free(8, 2)
    assert slots.begin(parcel) is None
