"""Inbound events in a real store: each once, bounded, counted, waited for."""

import json
import threading
import weakref

import pytest

from bulkhead.box import Box
from bulkhead.engine import inbound
from bulkhead.engine.inbound import InboundEvents, inbound_counts
from bulkhead.engine.inbound_secret import InboundSecrets
from bulkhead.inbound.event import Delivery, Event, Other, Presence, PushResult
from bulkhead.inbound.reading import read_delivery

APP = "acme/shop"


@pytest.fixture
def events(world):
    world.app(APP)
    return InboundEvents(world.scripts)


def delivery(number, *kinds, ts=1790000000000, **members):
    """A delivery with this id, and one event of each kind."""
    found = [{"type": kind, **members} for kind in kinds or ("billing",)]
    body = {"server": "mesibo", "id": number, "v": 2, "aid": 7, "ts": ts, "events": found}
    return read_delivery(json.dumps(body).encode())


def counted(world):
    (counts,) = inbound_counts(world.scripts, [APP])
    return counts


def kept(events, **after):
    return [received.event.id for received in events.events(APP, **after)]


def inbound_keys(world):
    names = (key.decode().partition(":")[2] for key in world.redis.scan_iter())
    return sorted(name for name in names if "inbound" in name)


def test_an_event_is_read_back_as_it_was_delivered(world, events):
    user = {"uid": 5, "address": "ann@tenant.test"}
    delivered = delivery(1, "push", user=user, push={"service": "apn", "result": True})

    taken = events.append(APP, delivered)

    (received,) = events.events(APP)
    assert (taken.kept, taken.repeated, taken.dropped) == (1, 0, 0)
    assert received.event == delivered.events[0]
    assert received.event.what == PushResult("ann@tenant.test", 5, "apn", True, None, "")
    assert received.at.startswith("2030-")
    assert events.last_at(APP) == received.at


def test_events_are_read_from_where_one_stopped(events):
    events.append(APP, delivery(1))
    before = events.newest(APP)
    events.append(APP, delivery(2, "a", "b"))

    assert kept(events) == [1, 2, 2]
    assert kept(events, after=before) == [2, 2]
    assert kept(events, after=events.newest(APP)) == []
    assert events.newest("acme/other") == inbound.BEGINNING


def test_a_repeat_is_counted_and_not_kept_again(world, events):
    events.append(APP, delivery(1, "a", "b"))

    taken = events.append(APP, delivery(1, "a", "b", "c"))

    assert (taken.kept, taken.repeated) == (1, 2)
    assert kept(events) == [1, 1, 1]
    assert (counted(world).received, counted(world).repeated) == (3, 2)


def test_what_tells_no_repeat_from_a_new_one_is_kept_each_time(events):
    flat = read_delivery(b"uid=5&aid=7&from=ann&e=16")

    events.append(APP, flat)
    events.append(APP, flat)

    found = [received.event.what for received in events.events(APP)]
    assert found == [Presence("ann", 5, True)] * 2


def test_events_are_kept_for_a_day(world, events):
    events.append(APP, delivery(1))
    world.advance(inbound.KEPT_FOR - 10)
    events.append(APP, delivery(2))
    world.advance(20)
    events.append(APP, delivery(3))

    assert kept(events) == [2, 3]
    assert events.append(APP, delivery(1)).repeated == 0
    assert counted(world).dropped == 0
    left = [world.redis.pttl(world.key("app", APP, *part)) for part in (("inbound",), SEEN)]
    assert all(0 < one <= inbound.KEPT_FOR * 1000 for one in left)


SEEN = ("inbound", "seen")


def test_of_many_deliveries_no_more_than_two_are_held_as_they_were_read(events):
    class Raw(dict):
        """An event that can be seen to go."""

    seen, alive = [], []

    def heard():
        for number in range(5):
            raw = Raw(type="billing")
            seen.append(weakref.ref(raw))
            alive.append(sum(one() is not None for one in seen))
            yield APP, Delivery((Event(Other("billing"), raw, 7, number, 1790000000000),))

    taken = events.take(heard())

    assert [one.kept for one in taken] == [1] * 5
    assert max(alive) <= 2


def test_the_newest_stay_when_there_are_too_many(world, events, monkeypatch):
    monkeypatch.setattr(inbound, "MOST_EVENTS", 5)

    for number in range(8):
        events.append(APP, delivery(number))

    assert kept(events) == [3, 4, 5, 6, 7]
    assert (counted(world).received, counted(world).dropped) == (8, 3)


def test_the_newest_stay_when_they_are_too_large(world, events, monkeypatch):
    monkeypatch.setattr(inbound, "MOST_BYTES", 10_000)

    for number in range(8):
        events.append(APP, delivery(number, text="x" * 3_000))
    taken = events.append(APP, delivery(99, text="x" * 20_000))

    assert kept(events) == []
    assert taken.dropped == 4
    events.append(APP, delivery(100))
    assert kept(events) == [100]


def test_what_is_remembered_of_repeats_is_bounded(world, events, monkeypatch):
    monkeypatch.setattr(inbound, "MOST_EVENTS", 5)

    events.append(APP, delivery(1, *("x" for _ in range(40))))

    assert world.redis.zcard(world.key("app", APP, *SEEN)) == 10


def test_what_was_beyond_reading_counts_as_dropped(world, events):
    taken = events.append(APP, Delivery(delivery(1).events, beyond=3))

    assert taken.dropped == counted(world).dropped == 3


def test_a_refusal_is_counted_by_its_reason(world, events):
    events.refuse(APP, "no_secret")
    events.refuse(APP, "no_secret")

    assert counted(world).refused["no_secret"] == 2
    assert counted(world).refused["too_large"] == 0
    assert kept(events) == []


def test_ids_go_on_rising_when_the_clock_was_set_back(world, events):
    events.append(APP, delivery(1))
    world.advance(-3600)
    events.append(APP, delivery(2))

    assert kept(events) == [1, 2]


def test_who_waits_is_woken_by_the_event_that_is_wanted(events, eventually):
    events.append(APP, delivery(1, "push"))
    before = events.newest(APP)
    found = []
    waiter = threading.Thread(
        target=lambda: found.append(events.wait_for(APP, lambda e: e.id == 3, before, 60))
    )

    waiter.start()
    events.append(APP, delivery(2))
    events.append(APP, delivery(3))
    waiter.join(60)

    assert [received.event.id for received in found] == [3]
    assert events.wait_for(APP, lambda e: e.id == 1, before, 0.01) is None
    assert events.wait_for(APP, lambda e: e.id == 1, inbound.BEGINNING, 0).event.id == 1


def test_an_app_that_is_removed_takes_it_all_along(world, events):
    secrets = InboundSecrets(world.scripts, Box("o" * 40))
    path = secrets.issue(APP).secret.reveal()
    secrets.rotate(APP, 60)
    events.append(APP, delivery(1))

    world.fleet.remove_app(APP)

    assert inbound_keys(world) == []
    assert secrets.whose(path) is None
    assert events.append(APP, delivery(2)).kept == 0
    assert inbound_keys(world) == []
