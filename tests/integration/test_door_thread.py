"""The thread of the door: it serves, waits for a store that is away, and inherits from the dead."""

import pytest

from bulkhead.engine.front import QUEUE, Front
from bulkhead.engine.overview import Overview
from bulkhead.engine.verbs import Verbs
from bulkhead.errors import Unreachable
from tests.fakes.reception import Reception
from worker import door as door_module
from worker.door import Door
from worker.heir import Heir
from worker.postman import Postman
from worker.stopping import Stopping


class Desk:
    """Writes down what it is given; at first refuses it as if the store were away."""

    def __init__(self, away=0):
        self.received, self.away, self.swept = [], away, 0

    def receive(self, message):
        self.received.append(message)
        if self.away:
            self.away -= 1
            raise Unreachable("away", why="for a moment")

    def sweep(self):
        self.swept += 1


@pytest.fixture
def start(no_sync, store_server, monkeypatch):
    """Start a door; it ends with the test."""
    monkeypatch.setattr(door_module, "PAUSE", 0.01)
    monkeypatch.setattr(door_module, "IDLE", 0.1)
    running = []

    def run(desk, worker="w1"):
        known = Reception(no_sync, store_server.broker_url, worker)
        postman = Postman(known.notices, known.broker_url)
        heir = Heir(known.front, known.notices, Overview(known.scripts))
        stopping = Stopping()
        door = Door(known.front, desk, postman, heir, stopping)
        door.start()
        running.append((door, stopping))
        return door

    yield run
    for door, stopping in running:
        stopping.ask()
        door.finish()
        assert not door.is_alive()


def test_a_message_is_received_and_forgotten(start, no_sync, eventually):
    desk = Desk()
    start(desk)

    no_sync.lpush(QUEUE, b"one", b"two")

    eventually(lambda: desk.received == [b"one", b"two"])
    eventually(lambda: Front(no_sync, "w1").in_hand("w1") == [])
    assert desk.swept == 1


def test_a_message_is_tried_again_until_the_store_is_back(start, no_sync, eventually):
    desk = Desk(away=3)
    start(desk)

    no_sync.lpush(QUEUE, b"one", b"two")

    eventually(lambda: desk.received == [b"one"] * 4 + [b"two"])


def test_a_list_of_another_kind_does_not_end_the_door(start, no_sync, eventually):
    no_sync.set(QUEUE, "no list")
    desk = Desk()
    start(desk)

    no_sync.delete(QUEUE)
    no_sync.lpush(QUEUE, b"one")

    eventually(lambda: desk.received == [b"one"])


def test_what_a_dead_worker_had_is_found_at_the_start_and_when_told(start, no_sync, eventually):
    for name in ("gone", "told"):
        no_sync.lpush(QUEUE, name.encode())
        hand = Front(no_sync, name)
        hand.register()
        assert hand.take() == name.encode()
    living = Verbs(Reception(no_sync, "").scripts, "told", cell="main", egress="default")
    living.beat({})
    desk = Desk()
    door = start(desk)
    eventually(lambda: desk.received == [b"gone"])

    door.heir.told(["told"])

    eventually(lambda: desk.received == [b"gone", b"told"])
    assert Front(no_sync, "w1").others() == []
