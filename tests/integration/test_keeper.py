"""The thread that keeps a worker's sessions, on a store that goes wrong now and then."""

import pytest
from structlog.testing import capture_logs

from bulkhead.box import Box
from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.keys import about_sender
from bulkhead.engine.sessions import SenderId, Sessions
from bulkhead.realtime.package import Package
from bulkhead.realtime.session import Heard
from bulkhead.secrets import Secret
from worker.keeper import Hands, Keeper, Terms
from worker.sign_in import SignIns

NEWS, OTHER = SenderId("acme/shop", "news@acme"), SenderId("acme/shop", "other@acme")
OURS, LOST = "a key of thirty-two characters, ours", "a key of thirty-two characters, lost"


class Process:
    """A process that is signed in at once."""

    pid = 7
    closed = False

    def __init__(self, heard):
        heard(Heard("connection", 0, {"status": 1, "word": "online"}))

    def close(self):
        self.closed = True


class Stage:
    """Starts processes without a package."""

    def __init__(self):
        self.started = {}

    def examined(self, now):
        return Package("mesibo", "2.7.1", "", "usable")

    def start(self, who, token, heard):
        self.started[who] = Process(heard)
        return self.started[who]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Rig:
    def __init__(self, world):
        self.world, self.clock, self.stage = world, Clock(), Stage()
        self.sessions = Sessions(world.scripts, Box(OURS))
        sign_ins = SignIns(world.scripts, Box(OURS), world.wall)
        hands = Hands(
            sessions=self.sessions,
            blocking=self.sessions,
            deliveries=Deliveries(world.scripts),
            sign_ins=sign_ins,
            stage=self.stage,
            file_of=lambda ask: "",
        )
        self.keeper = Keeper(hands, Terms("w1", "main", places=4, idle=300), self.clock)

    def turns(self, number=3):
        for _ in range(number):
            self.pass_by(1)
            self.keeper.turn()

    def pass_by(self, seconds):
        self.clock.now += seconds
        self.world.advance(seconds)

    def wants(self, *senders):
        for who in senders:
            self.sessions.keep_token(who, Secret(f"token of {who.sender}"))
            self.sessions.want(who)


@pytest.fixture
def rig(world):
    world.app()
    return Rig(world)


def test_sessions_that_are_wanted_are_started(rig):
    rig.wants(NEWS, OTHER)

    rig.keeper.called(True)
    rig.turns()

    assert set(rig.stage.started) == {NEWS, OTHER}
    assert rig.sessions.view(NEWS).worker == "w1"


def test_a_token_that_cannot_be_opened_is_said_and_stops_no_other_session(rig):
    rig.wants(NEWS)
    sealed = Box(LOST).seal(b"token of news@acme", about_sender(*NEWS))
    rig.world.redis.hset(rig.world.key("app", "acme/shop", "senders"), NEWS.sender, sealed)
    rig.pass_by(1)
    rig.wants(OTHER)

    rig.keeper.called(True)
    rig.turns()

    assert set(rig.stage.started) == {OTHER}
    view = rig.sessions.view(NEWS)
    assert (view.state, view.worker) == ("failed", "w1")
    assert "token of" not in view.why


def test_a_session_is_ended_before_another_worker_may_have_it_whatever_the_store_says(
    rig, eventually
):
    rig.wants(NEWS)
    rig.keeper.called(True)
    rig.turns()
    process = rig.stage.started[NEWS]
    name = rig.world.key("session", "acme/shop news@acme")
    rig.world.redis.delete(name)
    rig.world.redis.set(name, "what no script can read")

    with capture_logs():
        rig.keeper.start()
        rig.clock.now += 9
        try:
            eventually(lambda: process.closed)
        finally:
            rig.keeper.finish(0)
