"""What the store tells of push credentials whose end comes nearer, and to how many workers."""

from dataclasses import replace

import pytest

from bulkhead.engine.push_record import PushRecord
from bulkhead.model.push import InSlot
from bulkhead.model.ranges import indexes
from tests.fakes.engine import SUCCEEDED, report

APP, OTHER = "acme/shop", "acme/chat"
SLOT = "apn:com.example.shop"
DAY = 86400


@pytest.fixture
def record(world):
    world.app(APP)
    return PushRecord(world.scripts)


def entry(world, days, credential="cred_1", slot=SLOT):
    """A certificate that ends so many days from now."""
    kept = (SLOT, credential, f"print of {credential}", "apn", None, "com.example.shop", "both")
    ends = None if days is None else world.wall() + days * DAY
    return replace(InSlot(*kept, ends, "push.p12", "adopt"), slot=slot)


def told(world, worker="w1"):
    """What one look tells, if there is anything to look at: (app, slot, threshold) of each."""
    verbs = world.worker(worker)
    if not verbs.beat({}).tick:
        return []
    return [(one.app, one.slot, one.within) for one in verbs.tick().expiring]


def days_pass(world, number):
    """What is told on each of so many days, one look a day."""
    found = []
    for _ in range(number):
        world.advance(DAY)
        found += [within for _, _, within in told(world)]
    return found


def test_each_time_left_is_told_once_until_the_end_and_nothing_after_it(world, record):
    record.book(APP, entry(world, 70.5))

    assert told(world) == []
    assert days_pass(world, 80) == [60, 30, 14, 7, 1, 0]
    assert not world.redis.exists(world.key("creds", "ends"))


def test_it_is_told_at_the_instant_and_not_before(world, record):
    record.book(APP, entry(world, 31))
    assert told(world) == [(APP, SLOT, 60)]

    world.advance(DAY - 0.001)
    early = told(world)
    world.advance(0.001)
    (one,) = world.worker().tick().expiring

    assert early == []
    assert (one.within, one.left, one.fingerprint) == (30, 30 * DAY, "print of cred_1")
    assert one.not_after == world.wall() + 30 * DAY


def test_of_several_that_were_missed_only_the_nearest_is_told(world, record):
    record.book(APP, entry(world, 70))
    told(world)

    world.advance(65 * DAY)

    assert told(world) == [(APP, SLOT, 7)]
    assert told(world) == []
    assert days_pass(world, 6) == [1, 0]


def test_one_that_has_expired_when_it_is_noted_is_told_as_such_once(world, record):
    record.book(APP, entry(world, -3))

    (one,) = world.worker().tick().expiring

    assert (one.within, one.left) == (0, -3 * DAY)
    assert days_pass(world, 2) == []


def test_one_worker_of_many_is_told(world, record):
    record.book(APP, entry(world, 10))

    heard = [told(world, name) for name in ("w1", "w2", "w3")]

    assert heard == [[(APP, SLOT, 14)], [], []]


def test_the_same_credential_again_is_told_of_no_more(world, record):
    first, second = entry(world, 10), entry(world, 200, "cred_2")
    record.book(APP, first)
    heard = [told(world)]

    record.book(APP, first)
    heard.append(told(world))
    record.book(APP, second)
    heard.append(told(world))
    record.book(APP, first)
    heard.append(told(world))

    assert heard == [[(APP, SLOT, 14)], [], [], []]
    assert days_pass(world, 3) == [7]


def test_what_is_replaced_is_not_told_of_its_successor_is(world, record):
    record.book(APP, entry(world, 10))
    told(world)

    record.book(APP, entry(world, 40, "cred_2"))

    assert told(world) == [(APP, SLOT, 60)]
    assert days_pass(world, 11) == [30]


def test_what_has_no_end_takes_the_place_of_what_had_one(world, record):
    record.book(APP, entry(world, 31))
    told(world)

    record.book(APP, entry(world, None, "cred_2"))

    assert not world.redis.exists(world.key("creds", "ends"))
    assert days_pass(world, 40) == []


def test_each_app_and_slot_is_told_by_itself(world, record):
    world.app(OTHER)
    other_slot = "apn:com.example.other"
    record.book(APP, entry(world, 5))
    record.book(APP, entry(world, 5, slot=other_slot))
    record.book(OTHER, entry(world, 5))

    assert sorted(told(world)) == sorted([(APP, SLOT, 7), (APP, other_slot, 7), (OTHER, SLOT, 7)])


def test_an_app_that_is_removed_is_told_of_no_more_and_leaves_nothing(world, record):
    record.book(APP, entry(world, 31))
    told(world)

    world.fleet.remove_app(APP)

    assert days_pass(world, 40) == []
    assert not [name for name in world.redis.scan_iter() if b"creds" in name]


def test_what_a_job_uploads_is_told_of(world, record):
    job = world.submit(1, kind="creds.upload")
    part = world.begun()
    uploaded = replace(entry(world, 6), by="upload", job=job)

    done = report(part, {SUCCEEDED: list(indexes(part.ranges))}, creds=[(SLOT, uploaded.to_json())])
    world.settle(done)

    assert told(world) == [(APP, SLOT, 7)]
    assert record.slots(APP)[SLOT].job == job


def test_nothing_is_looked_at_before_it_is_due(world, record):
    record.book(APP, entry(world, 90))
    told(world)

    world.advance(29 * DAY)

    assert not world.worker().beat({}).tick
