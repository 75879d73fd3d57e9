"""Events about messages in a real store: how far each recipient's message has come."""

import json
import random
from dataclasses import astuple

import pytest

from bulkhead.engine import inbound
from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.inbound import InboundEvents, inbound_counts
from bulkhead.errors import InvalidInput
from bulkhead.inbound.reading import read_delivery
from bulkhead.model.delivery import Reached, recipient_digest
from bulkhead.model.ranges import indexes
from tests.fakes.engine import FAILED, SUCCEEDED, report

APP = "acme/shop"
MID = 5_550_001
NOBODY = Reached()
NUMBER = iter(range(10**9))


def person(index):
    return f"user{index}"


def group(index):
    return f"gid:{404101 + index}"


def run(world, part, to=person, mid=MID):
    """Each item of a slice was sent, and its answer said under which mid."""
    mids = [
        (index, (mid + index) & 0xFFFFFFFF, recipient_digest(to(index)))
        for index in indexes(part.ranges)
    ]
    world.finish(part, mids=mids)


def sent(world, items, to=person, app=APP, mid=MID):
    """A broadcast that was sent to all of its recipients. Returns its id."""
    job = world.submit(items, app, kind="broadcast")
    while parts := world.claim():
        for part in parts:
            world.begin(part)
            run(world, part, to, mid)
        world.advance(1)
    return job


def event(index, status, mid=MID, **message):
    message = {"mid": mid + index, "from": "news", "to": person(index), "gid": 0, **message}
    return {"type": "message", "message": message, "status": status}


def of_group(index, member, status):
    return event(index, status, gid=404101 + index, to=member)


def tell(world, *events, app=APP, number=None):
    """One delivery of these events."""
    number = next(NUMBER) if number is None else number
    body = {"server": "mesibo", "id": number, "v": 2, "aid": 7, "ts": 1, "events": events}
    return InboundEvents(world.scripts).append(app, read_delivery(json.dumps(body).encode()))


def funnel(world, job):
    return Deliveries(world.scripts).funnel(job)


def reached(world, job):
    """Of the recipients: sent, lost, delivered, read."""
    return astuple(funnel(world, job).recipients)


def counted(world, app=APP):
    return next(iter(inbound_counts(world.scripts, [app])), None)


def test_each_recipient_is_counted_where_its_message_has_come(world):
    world.app()
    job = sent(world, 5)

    for index, states in enumerate(
        [["sent"], ["sent", "delivered"], ["delivered", "read"], [1, 3]]
    ):
        tell(world, *(event(index, state) for state in states))

    assert reached(world, job) == (4, 0, 2 + 1, 2)
    assert funnel(world, job).attempts.accepted == 5


def test_repeats_and_any_order_end_in_the_same_place(world):
    world.app()
    job = sent(world, 30)
    events = [event(index, state) for index in range(30) for state in (1, 2, 3)[: index % 4]]
    shuffled = events * 3
    random.Random(7).shuffle(shuffled)

    for start in range(0, len(shuffled), 7):
        tell(world, *shuffled[start : start + 7])

    assert reached(world, job) == (22, 0, 14, 7)


def test_nothing_goes_back(world):
    world.app()
    job = sent(world, 1)

    for state in ("read", "delivered", "sent", "outbox", "failed"):
        tell(world, event(0, state))

    assert reached(world, job) == (1, 0, 1, 1)


def test_what_is_lost_on_its_way_is_said_until_it_arrives_after_all(world):
    world.app()
    job = sent(world, 3)

    tell(world, event(0, "inboxfull"), event(1, 131), event(2, "sent"))
    before = reached(world, job)
    tell(world, event(0, "delivered"))

    assert (before, reached(world, job)) == ((3, 2, 0, 0), (3, 1, 1, 0))


@pytest.mark.parametrize(
    "mid",
    [
        MID,
        str(MID),
        0x0101 << 32 | MID,
        str(0x7FFF << 32 | MID),
        -(0x0101 << 32) + MID,
    ],
)
def test_a_mid_may_be_text_and_may_be_the_low_word_of_a_wide_one(world, mid):
    world.app()
    job = sent(world, 1)

    tell(world, event(0, "delivered") | {"message": {"mid": mid, "to": "user0"}})

    assert reached(world, job) == (1, 0, 1, 0)


def test_a_mid_above_the_signed_range_is_told_as_a_negative_number(world):
    world.app()
    job = sent(world, 1, mid=0xFFFFFF00)

    tell(world, event(0, "read", mid=0xFFFFFF00 - (1 << 32)))

    assert reached(world, job) == (1, 0, 1, 1)


def test_the_recipient_may_stand_in_any_place(world):
    world.app()
    job = sent(world, 4)

    tell(
        world,
        event(0, "read"),
        {"type": "message", "mid": MID + 1, "to": "user1", "status": 3},
        {"type": "message", "message": {"mid": MID + 2, "from": "user2"}, "status": 3},
        {
            "type": "message",
            "message": {"mid": MID + 3},
            "user": {"address": "user3"},
            "status": "read",
        },
    )

    assert reached(world, job) == (4, 0, 4, 4)


def test_an_unknown_mid_or_another_recipient_changes_nothing_and_is_counted(world):
    world.app()
    job = sent(world, 2)

    taken = tell(
        world,
        event(77, "read"),
        event(0, "read", to="user1"),
        event(0, "read", to="", **{"from": ""}),
        event(0, "read", gid=404101),
        event(0, "colour"),
        {"type": "message", "status": "read"},
    )

    assert reached(world, job) == astuple(NOBODY)
    assert (taken.placed, taken.kept) == (0, 6)
    assert (counted(world).statuses, counted(world).placed) == (3, 0)


def test_an_event_that_was_forged_for_another_app_touches_nothing(world):
    world.app()
    other = world.app("evil/app")
    job = sent(world, 3)
    mine = sent(world, 3, app=other, mid=MID + 100)

    tell(world, *(event(index, "read") for index in range(3)), app=other)

    assert reached(world, job) == reached(world, mine) == astuple(NOBODY)
    assert counted(world) is None


def test_what_is_placed_does_not_push_out_what_somebody_waits_for(world, monkeypatch):
    monkeypatch.setattr(inbound, "MOST_EVENTS", 3)
    world.app()
    job = sent(world, 50)
    tell(world, {"type": "push", "user": {"address": "ann"}, "push": {"result": True}})

    taken = tell(world, *(event(index, "delivered") for index in range(50)))

    assert (taken.placed, taken.kept, taken.dropped) == (50, 0, 0)
    assert [kept.event.raw["type"] for kept in InboundEvents(world.scripts).events(APP)] == ["push"]
    assert (counted(world).placed, counted(world).received) == (50, 1)
    assert reached(world, job)[2] == 50


def test_what_is_heard_before_the_worker_has_reported_counts_as_soon_as_it_has(world):
    world.app()
    job = world.submit(3, kind="broadcast")
    part = world.begun()

    tell(world, event(0, "delivered"), event(1, "read"), event(1, "sent"))
    tell(world, event(0, "sent"))
    before = reached(world, job)
    world.advance(20)
    run(world, part)

    assert before == astuple(NOBODY)
    assert reached(world, job) == (2, 0, 2, 1)
    assert (counted(world).statuses, counted(world).placed) == (4, 4)


def test_what_was_heard_much_too_early_is_forgotten(world):
    world.app()
    job = world.submit(1, kind="broadcast")
    part = world.begun()
    tell(world, event(0, "delivered"))

    world.advance(61)
    run(world, part)

    assert reached(world, job) == astuple(NOBODY)


def test_an_answer_that_is_reported_late_still_places_its_events(world):
    world.app()
    job = world.submit(2, kind="broadcast")
    part = world.begun()
    tell(world, event(0, "read"))
    world.advance(9)
    world.worker("w2").reap()
    before = reached(world, job)

    run(world, part)
    tell(world, event(1, "delivered"))

    assert before == astuple(NOBODY)
    assert reached(world, job) == (2, 0, 2, 1)


def test_a_flood_of_strange_mids_is_bounded_and_what_is_known_is_still_placed(world):
    world.app()
    job = sent(world, 3)
    world.submit(1, kind="broadcast")
    flood = [event(index, "read") for index in range(1000, 11_000)]

    for start in range(0, len(flood), 200):
        tell(world, *flood[start : start + 200])
    tell(world, event(2, "read"))

    (early,) = [name for name in world.redis.scan_iter() if b":early:" in name]
    assert world.redis.hlen(early) - 1 == 5000
    assert 0 < world.redis.pttl(early) <= 60_000
    assert world.redis.xlen(world.key("app", APP, "inbound")) == inbound.MOST_EVENTS
    assert reached(world, job) == (1, 0, 1, 1)


def test_of_strange_mids_nothing_waits_where_no_job_is_open(world):
    world.app()
    sent(world, 3)

    tell(world, event(1000, "read"))

    assert not list(world.redis.scan_iter(world.key("app", APP, "early", "*")))


def test_several_people_of_one_mid_are_told_apart(world):
    world.app()
    job = world.submit(3, kind="broadcast")
    part = world.begun()
    world.finish(part, mids=[(i, MID, recipient_digest(person(i))) for i in range(3)])

    tell(world, event(0, "read"), event(0, "delivered", to="user2"))

    assert reached(world, job) == (2, 0, 2, 1)


def test_of_a_group_each_member_is_counted_once_and_the_group_when_one_is_reached(world):
    world.app()
    job = sent(world, 3, to=group)
    members = [f"m{n}" for n in range(4)]

    for state in ("sent", "delivered", "delivered"):
        tell(world, *(of_group(0, member, state) for member in members))
    tell(world, of_group(0, "m1", "read"), of_group(1, "m1", "delivered"))
    tell(world, of_group(0, "m1", "read"), of_group(0, "m1", "sent"))

    found = funnel(world, job)
    assert astuple(found.recipients) == (2, 0, 2, 1)
    assert astuple(found.members) == (5, 0, 5, 1)
    assert found.beyond == 0


def test_more_members_than_can_be_told_apart_are_left_out_and_said(world):
    world.app()
    job = sent(world, 1, to=group)
    tell(world, of_group(0, "ann", "sent"))
    world.redis.hset(world.key("job", job, "heard"), "count", 1_000_000)

    tell(world, of_group(0, "bob", "sent"), of_group(0, "ann", "read"))

    found = funnel(world, job)
    assert astuple(found.members) == (1, 0, 1, 1)
    assert found.beyond == 1
    assert any("beyond" in note for note in found.notes)


def test_the_funnel_has_every_recipient_in_one_place(world):
    world.app()
    job = world.submit(6, kind="broadcast", refused={5})
    part = world.begun()
    done = [(0, MID, recipient_digest("user0"))]
    world.settle(report(part, {SUCCEEDED: [0, 1], FAILED: [2], 5: [3]}, back=[4], mids=done))
    tell(world, event(0, "read"))

    now = funnel(world, job)
    world.jobs.control(job, "cancel")
    ended = funnel(world, job)

    assert astuple(now.attempts) == astuple(ended.attempts) == (6, 4, 2, 1, 1, 2)
    assert [(row["stage"], row["recipients"], row["percent"]) for row in ended.stages()] == [
        ("audience", 6, 100.0),
        ("attempted", 4, 66.7),
        ("accepted", 2, 33.3),
        ("sent", 1, 16.7),
        ("delivered", 1, 16.7),
        ("read", 1, 16.7),
        ("lost", 0, 0.0),
        ("failed", 1, 16.7),
        ("unknown", 1, 16.7),
        ("not_attempted", 2, 33.3),
    ]


def test_without_a_webhook_or_any_event_the_funnel_says_so_and_what_to_do(world):
    world.app()
    job = sent(world, 1)

    without = funnel(world, job)
    world.redis.hset(world.key("app", APP), "inbound_box", "sealed")
    silent = funnel(world, job)
    tell(world, event(0, "sent"))
    heard = funnel(world, job)

    assert [(f.webhook, f.heard) for f in (without, silent, heard)] == [
        *((False, False), (True, False), (True, True)),
    ]
    assert "bulkhead webhooks inbound show acme/shop" in without.notes[1]
    assert "bulkhead webhooks inbound show acme/shop" in silent.notes[1]
    assert len(heard.notes) == 1
    assert all(found.notes[0].startswith("a lower bound") for found in (without, silent, heard))


def test_a_job_of_another_kind_has_no_funnel(world):
    world.app()
    job = world.submit(1)

    with pytest.raises(InvalidInput, match="no broadcast"):
        funnel(world, job)


def test_what_is_told_after_the_end_of_a_job_is_forgotten_with_it(world):
    world.app()
    job = sent(world, 2, to=group)

    tell(world, of_group(0, "ann", "read"))

    names = list(world.redis.scan_iter(world.key("job", job, "*")))
    parts = {name.decode().split(":")[3] for name in names}
    assert {"delivery", "delivered", "heard"} <= parts
    assert all(0 < world.redis.ttl(name) <= 30 * 86400 for name in names)


def test_members_are_kept_for_as_long_as_the_messages_of_a_job_that_goes_on_for_months(world):
    world.app()
    job = sent(world, 1, to=group)
    world.submit(1, kind="broadcast")
    world.redis.persist(world.key("job", job))
    tell(world, of_group(0, "ann", "read"))
    bucket = world.key("job", job, "heard", "0")
    # As it is weeks later: what was heard first is about to end, and then gone.
    world.redis.expire(bucket, 60)
    tell(world, of_group(0, "bob", "read"))
    near = world.redis.ttl(bucket)
    world.redis.delete(bucket)

    tell(world, of_group(0, "cid", "read"))

    assert near > 44 * 86400
    assert 44 * 86400 < world.redis.ttl(bucket) <= 45 * 86400


def test_what_was_told_before_the_end_of_a_job_is_forgotten_with_it(world):
    world.app()
    job = world.submit(2, kind="broadcast")
    part = world.begun()
    done = [(0, MID, recipient_digest("user0"))]
    world.settle(report(part, {SUCCEEDED: [0]}, mids=done, last=False))
    tell(world, event(0, "read"))
    assert world.redis.ttl(world.key("job", job, "delivery")) == -1

    world.jobs.control(job, "cancel")

    for part in ("delivery", "delivered"):
        assert 0 < world.redis.ttl(world.key("job", job, part)) <= 30 * 86400


def test_messages_of_weeks_ago_are_still_known_and_of_a_job_that_is_gone_no_more(world):
    world.app()
    job = sent(world, 2)
    world.advance(25 * 86400)
    later = sent(world, 2, mid=MID + 50)

    tell(world, event(0, "read"), event(0, "read", mid=MID + 50))
    assert (reached(world, job), reached(world, later)) == ((1, 0, 1, 1), (1, 0, 1, 1))
    for name in world.redis.scan_iter(world.key("job", job) + "*"):
        world.redis.delete(name)

    assert tell(world, event(1, "read")).placed == 0
    assert not world.redis.exists(world.key("job", job, "delivery"))


def test_every_key_of_the_mids_ends_and_goes_with_its_app(world):
    world.app()
    sent(world, 500)

    names = list(world.redis.scan_iter(world.key("app", APP, "mids*")))
    assert len(names) > 5
    assert all(0 < world.redis.ttl(name) <= 45 * 86400 for name in names)
    world.fleet.remove_app(APP)

    assert not list(world.redis.scan_iter(world.key("app", APP, "mids*")))


def test_messages_of_an_app_that_is_gone_are_not_noted(world):
    world.app()
    world.submit(1, kind="broadcast")
    part = world.begun()
    world.redis.delete(world.key("app", APP))

    run(world, part)

    assert not list(world.redis.scan_iter(world.key("app", APP, "mids*")))
