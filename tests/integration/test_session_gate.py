"""The gate: a job with a sender is granted messages only while that sender's session is online."""

import pytest

from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.explain import Explain
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import SenderId, Sessions, State
from bulkhead.model.batch import Batch
from tests.fakes.engine import World, report
from tests.fakes.traffic import Traffic
from tests.integration.test_engine_limits import worst_window

NEWS = SenderId("acme/shop", "news@acme")
OTHER = SenderId("acme/shop", "other@acme")
SENDING = {"kind": "broadcast", "sender": NEWS.sender}
EVERY = 5.0
LATE = 0.05


@pytest.fixture
def sessions(world):
    world.app()
    return Sessions(world.scripts)


def say(sessions, state, why="", who=NEWS, worker="w1"):
    assert sessions.acquire(who, worker)
    assert sessions.renew(worker, {who: State(state, why)}) == []


def test_a_job_waits_at_the_gate_and_wants_its_session(world, sessions):
    job = world.submit(3, **SENDING)

    assert world.claim() == []

    assert [one.who for one in sessions.wanted("main")] == [NEWS]
    assert world.state(job) == "queued"


def test_a_job_at_the_gate_keeps_its_session_wanted(world, sessions):
    world.submit(3, **SENDING)

    for _ in range(20):
        world.advance(EVERY)
        assert world.claim() == []

    (one,) = sessions.wanted("main")
    assert one.idle <= EVERY


def test_a_job_that_may_not_be_claimed_wants_no_session(world, sessions):
    job = world.submit(3, **SENDING)
    world.jobs.control(job, "pause")

    for _ in range(20):
        world.advance(EVERY)
        world.claim()

    assert sessions.wanted("main") == []


def test_the_gate_opens_in_the_moment_in_which_the_session_is_online(world, sessions):
    world.submit(3, **SENDING)
    world.claim()
    world.redis.delete(world.key("bell", "main"))

    say(sessions, "online")

    assert world.redis.llen(world.key("bell", "main")) == 1
    assert len(world.run_all()) == 3


@pytest.mark.parametrize("state", ["signing_in", "connecting", "offline", "failed", "unusable"])
def test_in_any_other_state_it_is_closed(world, sessions, state):
    world.submit(3, **SENDING)
    say(sessions, state)

    world.advance(EVERY)

    assert world.claim() == []


def test_a_dead_workers_session_closes_the_gate_though_nobody_says_so(world, sessions):
    world.submit(3, **SENDING)
    say(sessions, "online")

    world.advance(10)

    assert world.claim() == []


def test_another_senders_session_opens_nothing(world, sessions):
    world.submit(3, **SENDING)

    say(sessions, "online", who=OTHER)

    assert world.run_all() == []


def test_a_job_whose_session_never_comes_holds_up_no_other_job_of_its_app(world, sessions):
    stuck = [world.submit(50, priority="urgent", **SENDING) for _ in range(3)]
    free, online = world.submit(40), world.submit(30, kind="broadcast", sender=OTHER.sender)
    say(sessions, "online", who=OTHER)

    ran = world.run_all()

    assert {job for job, _ in ran} == {free, online}
    assert world.state(free) == world.state(online) == "completed"
    assert all(world.counts(job).pending == 50 for job in stuck)
    world.audit(*stuck, free, online)


def test_a_session_that_ends_between_two_slices_leaves_the_rest_unsent(world, sessions):
    job = world.submit(90, **SENDING)
    say(sessions, "online")
    world.finish(world.begun(slots=8))
    before = world.counts(job).succeeded

    sessions.release(NEWS, "w1", State("failed", "its process ended"))

    assert world.run_all() == []
    assert world.counts(job).succeeded == before > 0


def test_what_comes_back_withheld_is_sent_by_the_next_session_and_used_no_attempt(world, sessions):
    job = world.submit(1, **SENDING)
    say(sessions, "online")
    part = world.begun()
    sessions.release(NEWS, "w1", State("closed"))

    world.settle(report(part, back=[0], calls=0, latency=0))
    assert world.claim() == []
    say(sessions, "online", worker="w2")

    assert world.run_all() == [(job, 0)]
    world.audit(job)


def test_while_a_sender_cools_nothing_of_it_is_granted(world, sessions):
    world.submit(3, **SENDING)
    say(sessions, "online")
    sessions.cool(NEWS, 4)

    assert world.claim() == []
    world.advance(4)
    sessions.renew("w1", {NEWS: State("online")})

    assert len(world.run_all()) == 3


@pytest.mark.parametrize("state", ["failed", "unusable"])
def test_who_would_rather_be_refused_passes_a_gate_that_nobody_can_open(world, sessions, state):
    world.submit(2, no_session="refuse", **SENDING)
    waits = world.submit(2, **SENDING)
    assert world.claim() == []

    say(sessions, state, "the package refuses to start")

    (part,) = world.claim()
    assert part.job != waits


def test_that_nobody_can_open_it_is_believed_for_a_minute_after_the_last_word(world, sessions):
    say(sessions, "unusable")
    sessions.release(NEWS, "w1", State("unusable"))
    world.advance(61)

    world.submit(2, no_session="refuse", **SENDING)

    assert world.claim() == []
    assert [one.who for one in sessions.wanted("main")] == [NEWS]


def test_who_would_rather_be_refused_waits_while_it_is_still_connecting(world, sessions):
    world.submit(2, no_session="refuse", **SENDING)
    say(sessions, "connecting")
    world.advance(EVERY)

    assert world.claim() == []


def test_a_sender_keeps_to_its_own_pace_in_all_its_jobs(valkey_world):
    classes = {"sender": 20.0}
    valkey_world.app(rate=400, burst=20, max_in_flight=64, classes=classes)
    valkey_world.redis.hset(valkey_world.key("app", "acme/shop"), "latency", 20_000)
    sessions = Sessions(valkey_world.scripts)
    mine = [valkey_world.submit(900, **SENDING) for _ in range(2)]
    others = valkey_world.submit(900, kind="broadcast", sender=OTHER.sender)
    free = valkey_world.submit(5000)
    for who in (NEWS, OTHER):
        say(sessions, "online", who=who)

    def keep():
        sessions.renew("w1", {NEWS: State("online"), OTHER: State("online")})

    traffic = Traffic(valkey_world, lambda app, at: ("ok", 0.02), workers=("w1", "w2"), delay=0.005)
    for second in range(1, 10):
        traffic.later(second, keep)
    traffic.run(10)

    sent = sorted(at for job in mine for at in traffic.said(job=job))
    beside = sorted(traffic.said(job=others))
    assert worst_window(sent, 20) <= 20 * LATE + 1
    assert worst_window(beside, 20) <= 20 * LATE + 1
    assert len(sent) >= 0.85 * 20 * 10
    assert len(beside) >= 0.9 * 20 * 10
    assert len(traffic.said(job=free)) >= 0.95 * (400 - 40) * 10


def test_permits_that_were_not_used_go_back_to_the_sender_and_the_gate_is_never_kept(
    world, sessions
):
    world.redis.hset(world.key("app", "acme/shop"), "classes", '{"sender": 0.5}')
    world.submit(5, **SENDING)
    say(sessions, "online")
    (part,) = world.claim()
    sessions.release(NEWS, "w1", State("failed"))

    world.worker().give_back([part.lease])

    kept = world.redis.hgetall(world.key("session", " ".join(NEWS)))
    assert float(kept[b"tat"]) <= world.now
    say(sessions, "online")
    assert len(world.claim()) == 1


def test_a_job_at_the_gate_says_why(world, sessions):
    world.worker()
    job = world.submit(3, **SENDING)
    world.claim()

    document = world.jobs.get(job).to_dict()
    assert document["pace"]["limited_by"] == "session"
    assert document["session"] == {
        "sender": "news@acme",
        "state": "wanted",
        "why": "no worker has taken it yet",
    }
    told = Explain(world.scripts, lambda: world.now).explain(job)
    assert [reason["code"] for reason in told["reasons"]] == ["session"]
    assert told["reasons"][0]["says"] == (
        "its messages go out through the session of news@acme, which is wanted: "
        "no worker has taken it yet"
    )
    assert told["reasons"][0]["to_do"] == "bulkhead realtime status --app acme/shop --as news@acme"


def test_a_job_whose_session_cannot_be_made_says_what_its_keeper_said(world, sessions):
    world.worker()
    job = world.submit(3, **SENDING)
    say(sessions, "unusable", "the installed package refuses to start")
    world.claim()

    told = Explain(world.scripts, lambda: world.now).explain(job)

    assert "which is unusable: the installed package refuses to start" in told["says"][2]


def test_a_job_that_waits_for_its_senders_pace_says_so(world, sessions):
    world.redis.hset(world.key("app", "acme/shop"), "classes", '{"sender": 0.5}')
    job = world.submit(3, **SENDING)
    say(sessions, "online")
    world.finish(world.begun())
    assert world.claim() == []

    pace = world.jobs.get(job).pace
    (reason,) = Explain(world.scripts, lambda: world.now).explain(job)["reasons"]

    assert (pace["limited_by"], pace["limit_per_s"]) == ("sender_rate", 0.5)
    assert reason["code"] == "sender_rate"
    assert "each real-time sender of its app may send 0.5/s" in reason["says"]


def test_a_job_that_has_ended_names_its_sender_and_no_session(world, sessions):
    job = world.submit(3, **SENDING)
    world.jobs.control(job, "cancel")

    document = world.jobs.get(job).to_dict()

    assert document["session"] == {"sender": "news@acme", "state": None, "why": None}
    assert document["pace"]["limited_by"] is None
    assert "session" not in world.jobs.get(world.submit(1)).to_dict()


def test_a_job_at_an_open_gate_is_held_back_by_nothing(world, sessions):
    world.worker()
    job = world.submit(3, **SENDING)
    say(sessions, "online")

    assert Explain(world.scripts, lambda: world.now).explain(job)["reasons"] == []


def test_with_the_app_its_sessions_are_forgotten(world, sessions):
    world.app("acme/shop2")
    near = SenderId("acme/shop2", NEWS.sender)
    job = world.submit(2, **SENDING)
    sessions.want(NEWS, listen=60)
    sessions.want(near)
    say(sessions, "online")
    sessions.tell(NEWS, [{"kind": "presence"}])
    world.jobs.control(job, "cancel")

    world.fleet.remove_app("acme/shop")

    left = [name.decode() for name in world.redis.scan_iter("*news@acme*")]
    assert left == [world.key("session", " ".join(near))]
    assert [one.who for one in sessions.views()] == [near]
    assert world.redis.exists(world.key("app", "acme/shop", "mid")) == 0


def test_the_opening_of_the_gate_rings_for_a_worker_that_sleeps_on_the_bell(no_sync):
    world = World(no_sync)
    scripts = Scripts(no_sync)
    world.app()
    sessions = Sessions(scripts)
    draft = Draft(scripts, Request("broadcast", "acme", "acme/shop", sender=NEWS.sender))
    draft.take(Batch([1], [["ann"]], {}))
    draft.seal({})
    no_sync.delete(scripts.key("bell", "main"))
    say(sessions, "online")

    assert no_sync.blpop([scripts.key("bell", "main")], 1) is not None
