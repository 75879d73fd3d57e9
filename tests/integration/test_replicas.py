"""What a fail-over must not undo is confirmed by a replica before anybody relies on it."""

import itertools
import signal
import time

import pytest

from bulkhead.engine import draft as drafts
from bulkhead.engine.replicas import ASKED_EVERY, behind
from bulkhead.engine.sessions import Ask, SenderId, Sessions, State
from bulkhead.errors import Unreachable
from bulkhead.model.slice import LOOK, Begun, Held
from tests.e2e.product import free_port
from tests.fakes.engine import PENDING, SENT, SUCCEEDED, World, report
from tests.fakes.pair import Pair


@pytest.fixture
def pair(home, eventually):
    """A store with a replica, both new."""
    made = Pair(home, [free_port(), free_port()], eventually)
    yield made
    made.end()


@pytest.fixture
def replicated(pair):
    """A world on the store of the pair."""
    return World(pair.first.redis)


def waits(redis):
    """How often the store was asked to wait for a replica."""
    return redis.info("commandstats").get("cmdstat_wait", {}).get("calls", 0)


def test_a_job_is_on_the_replica_when_its_submit_returns(replicated, pair):
    replicated.app()

    for number in range(20):
        job = replicated.submit(3, params={"n": number})
        state = pair.second.redis.hget(replicated.key("job", job), "state")

        assert state == b"queued"


def test_a_begun_call_that_may_be_made_once_is_marked_on_the_replica_before_it_starts(
    replicated, pair
):
    replicated.app(max_in_flight=8)
    job = replicated.submit(4, kind="call", repeat="once")
    (part,) = replicated.claim()

    answer = replicated.begin(part)

    packed = pair.second.redis.get(replicated.key("job", job, "map"))
    assert isinstance(answer, Begun)
    assert packed == bytes([SENT << 4 | SENT] * 2)


def test_a_call_that_may_be_repeated_waits_for_no_replica(replicated, pair):
    replicated.app()
    replicated.submit(4)
    (part,) = replicated.claim()
    before = waits(pair.first.redis)

    answer = replicated.begin(part)

    assert isinstance(answer, Begun)
    assert waits(pair.first.redis) == before


def test_members_who_are_added_in_a_second_call_wait_for_no_replica(replicated, pair):
    replicated.app()
    replicated.submit(1, kind="groups.create")
    replicated.settle(report(replicated.begun(), next={"members.100": [0]}, calls=1))
    (part,) = replicated.claim()
    before = waits(pair.first.redis)

    answer = replicated.begin(part)

    assert part.step == "members.100"
    assert isinstance(answer, Begun)
    assert waits(pair.first.redis) == before


def test_what_is_only_looked_up_waits_for_no_replica(replicated, pair):
    replicated.app()
    job = replicated.submit(4)
    replicated.redis.hset(replicated.key("job", job), "looks", 1)
    replicated.redis.sadd(replicated.key("app", "acme/shop", "looks"), job)
    (part,) = replicated.claim()
    before = waits(pair.first.redis)

    answer = replicated.begin(part)

    assert part.step == LOOK
    assert isinstance(answer, Begun)
    assert waits(pair.first.redis) == before


def test_with_a_frozen_replica_nothing_is_begun_that_may_be_made_once(replicated, pair):
    replicated.app(max_in_flight=8)
    once = replicated.submit(4, kind="call", repeat="once")
    pair.second.signal(signal.SIGSTOP)
    (part,) = replicated.claim()

    answer = replicated.begin(part)

    assert answer == Held("unconfirmed")
    assert replicated.counts(once).in_flight == 0
    assert replicated.map_of(once) == [PENDING] * 4
    assert replicated.leases() == []
    replicated.audit(once)


def test_with_a_frozen_replica_what_may_be_repeated_goes_on(replicated, pair):
    replicated.app("acme/once", max_in_flight=8)
    replicated.app("acme/safe")
    once = replicated.submit(4, "acme/once", kind="call", repeat="once")
    safe = replicated.submit(4, "acme/safe")
    pair.second.signal(signal.SIGSTOP)
    parts = {part.job: part for part in replicated.claim()}

    answers = replicated.worker().begin([parts[once].lease, parts[safe].lease])
    replicated.finish(parts[safe])

    assert answers[0] == Held("unconfirmed")
    assert isinstance(answers[1], Begun)
    assert replicated.counts(safe).succeeded == 4
    replicated.audit(once, safe)


def test_what_no_replica_knows_to_be_taken_is_withheld(replicated, pair):
    sessions, news = Sessions(replicated.scripts), SenderId("acme/shop", "news")
    sessions.acquire(news, "w1")
    sessions.renew("w1", {news: State("online")})
    sessions.ask([Ask("one", news, "send", {}, worker="w9")])
    pair.second.signal(signal.SIGSTOP)

    taken = sessions.take("w1", [news], 0.01)

    assert taken == []
    (answer,) = sessions.answers("w9", 1)
    assert (answer.id, answer.withheld) == ("one", True)


def test_when_the_replica_is_back_the_calls_are_begun_and_made_once(replicated, pair):
    replicated.app(max_in_flight=8)
    once = replicated.submit(4, kind="call", repeat="once")
    pair.second.signal(signal.SIGSTOP)
    (part,) = replicated.claim()
    replicated.begin(part)

    pair.second.signal(signal.SIGCONT)
    held = replicated.claim()
    replicated.advance(1.1)
    ran = replicated.run_all()

    assert held == [], "an app whose begin was not confirmed rests"
    assert sorted(index for _, index in ran) == [0, 1, 2, 3]
    assert replicated.map_of(once) == [SUCCEEDED] * 4


def test_a_begin_that_is_sent_twice_is_not_taken_as_confirmed(replicated, pair):
    # The second one writes nothing, and on a new connection WAIT alone would answer at once.
    replicated.app(max_in_flight=8)
    replicated.submit(4, kind="call", repeat="once")
    (part,) = replicated.claim()
    pair.second.signal(signal.SIGSTOP)
    twin = World(pair.first.redis).scripts
    twin.run("begin", "w1", "default", part.lease, "", "")
    pair.first.redis.connection_pool.disconnect()

    answer = replicated.begin(part)

    assert answer == Held("unconfirmed")


def test_a_job_is_not_accepted_while_no_replica_takes_it(replicated, pair, monkeypatch):
    monkeypatch.setattr(drafts, "SEAL_FOR", 0.0)
    replicated.app()
    draft = replicated.draft()
    replicated.fill(draft, 3)
    pair.second.signal(signal.SIGSTOP)

    with pytest.raises(Unreachable, match="was not accepted"):
        draft.seal({"rows": 3})

    assert draft.abandon()
    assert replicated.claim() == []


def test_a_job_is_accepted_when_the_replica_has_caught_up(replicated, pair):
    replicated.app()
    draft = replicated.draft()
    replicated.fill(draft, 3)
    pair.second.signal(signal.SIGSTOP)
    asked = itertools.count()
    patient = replicated.scripts.replicas.write

    def write(queue):
        if next(asked) == 1:
            pair.second.signal(signal.SIGCONT)
        return patient(queue)

    replicated.scripts.replicas.write = write
    job = draft.seal({"rows": 3})

    assert pair.second.redis.hget(replicated.key("job", job), "state") == b"queued"


def test_whether_there_are_replicas_is_asked_once_in_a_while(redis):
    world = World(redis)
    seconds = itertools.count(0, ASKED_EVERY / 10)
    world.scripts.replicas._clock = lambda: next(seconds)
    world.app()
    redis.config_resetstat()

    for _ in range(20):
        world.submit(1)
        world.run_all()

    stats = redis.info("commandstats")
    looks = stats.get("cmdstat_info", stats.get("cmdstat_info|replication", {})).get("calls", 0)
    assert 1 <= looks <= 20
    assert "cmdstat_wait" not in stats


def test_a_replica_that_is_behind_is_found(pair, eventually):
    assert behind(pair.first.redis) == (1, [])

    pair.second.signal(signal.SIGSTOP)
    deadline = time.monotonic() + 60
    _, (wrong,) = eventually(
        lambda: (told := behind(pair.first.redis))[1] and told, deadline - time.monotonic()
    )

    assert f":{pair.second.port}" in wrong
    assert "last heard" in wrong


def test_a_late_answer_of_a_lease_that_was_returned_changes_nothing(replicated, pair):
    replicated.app(max_in_flight=8)
    once = replicated.submit(4, kind="call", repeat="once")
    pair.second.signal(signal.SIGSTOP)
    (part,) = replicated.claim()
    replicated.begin(part)

    settled = replicated.settle(report(part, {SUCCEEDED: [0]}, last=False))

    assert settled.verdict == "repeated"
    assert replicated.map_of(once) == [PENDING] * 4
