"""The record across jobs: what was done is not done again, at the store's speed."""

import json

from bulkhead.engine.record import Record, RecordEntry
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import LOOK, Begun, Known
from tests.fakes.engine import SKIPPED, START, SUCCEEDED, report

APP = "acme/shop"
OLD, NEW = "00000000000000aa", "ffffffff000000bb"


def people(part, content=OLD):
    """The items of a slice as a worker asks for them, each with the same digest."""
    return [(index, f"user{index}", content) for index in indexes(part.ranges)]


def begin(world, part, content=OLD, worker="w1"):
    asked = {part.lease: people(part, content)}
    (begun,) = world.worker(worker).begin([part.lease], asked)
    assert isinstance(begun, Begun)
    return begun


def imported(world, items, content=OLD, **more):
    """A job whose every item was sent. Returns its id."""
    job = world.submit(items)
    while parts := world.claim():
        for part in parts:
            begin(world, part)
            done = [(address, content, 0) for _, address, _ in people(part)]
            world.finish(part, done=done, **more)
        world.advance(1)
    return job


def told(part, begun):
    """The report of a worker that skips what is known, and sends nothing."""
    known = [index for index, it in begun.known.items() if it.same]
    rest = [index for index in indexes(part.ranges) if index not in known]
    return report(part, {SKIPPED: known}, free=len(known), back=rest, calls=0)


def to_call(world):
    """Each slice that is claimed now: what the record knows of it, and what is left to call.

    What was only looked through is settled on the way.
    """
    for part in world.claim():
        begun = begin(world, part)
        if part.step == LOOK:
            world.settle(told(part, begun))
        else:
            fresh = [index for index in indexes(part.ranges) if index not in begun.known]
            yield part, list(begun.known), fresh


def test_an_address_done_before_is_told_with_its_job_and_whether_the_content_is_the_same(world):
    world.app()
    first = imported(world, 3)
    world.submit(3)
    (part,) = world.claim()

    same = begin(world, part).known
    changed = begin(world, part, NEW).known

    assert same == dict.fromkeys(range(3), Known(same=True, token=False, job=first))
    assert changed == dict.fromkeys(range(3), Known(same=False, token=False, job=first))


def test_nothing_is_known_where_nothing_is_asked_and_in_another_app(world):
    world.app()
    other = world.app("acme/mail")
    imported(world, 2)
    world.submit(2, other)
    (part,) = world.claim()

    assert begin(world, part).known == {}
    world.finish(part)
    world.submit(2)
    assert world.begin(world.claim()[0]).known == {}


def test_changed_content_that_was_sent_replaces_what_is_on_the_record(world):
    world.app()
    imported(world, 2)
    second = imported(world, 2, NEW)
    world.submit(2)

    known = begin(world, world.claim()[0], NEW).known

    assert known[0] == Known(same=True, token=False, job=second)
    assert Record(world.scripts).count(APP) == 2


def test_a_deleted_address_is_forgotten(world):
    world.app()
    imported(world, 3)
    job = world.submit(1)
    world.finish(world.begun(), forget=["user1", "nobody"])

    left = sorted(entry.address for entry in Record(world.scripts).entries(APP))

    assert left == ["user0", "user2"]
    assert Record(world.scripts).count(APP) == 2
    world.audit(job)


def test_an_entry_names_the_job_and_the_time_and_keeps_its_token_until_it_is_revoked(world):
    world.app()
    job = world.submit(1)
    record = Record(world.scripts)
    world.finish(world.begun(), done=[("user0", OLD, 0)])
    seen = []
    for facts in (
        {"done": [("user0", "", 1)]},
        {"done": [("user0", NEW, 0)]},
        {"revoked": ["user0", "nobody"]},
    ):
        last = world.submit(1)
        world.finish(world.begun(), **facts)
        seen += record.entries(APP)

    assert [entry.token for entry in seen] == [True, True, False]
    assert seen[-1] == RecordEntry("user0", seen[1].job, START // 1_000_000, token=False)
    assert seen[-1].job not in (job, last)


def test_a_report_sent_twice_writes_one_entry_an_address(world):
    world.app()
    world.submit(2)
    part = world.begun()
    done = report(part, {SUCCEEDED: [0, 1]}, done=[("user0", OLD, 0), ("user1", OLD, 0)])

    assert [world.settle(done).verdict for _ in range(2)] == ["ok", "repeated"]
    assert Record(world.scripts).count(APP) == 2


def test_the_record_of_twenty_thousand_stays_in_small_listpacks_and_loses_none(world):
    world.app()
    addresses = [f"someone.with.a.name.{number}@example.com" for number in range(20_000)]
    world.submit(1)
    part = world.begun()
    for start in range(0, len(addresses), 500):
        done = [(address, OLD, 0) for address in addresses[start : start + 500]]
        world.settle(report(part, seq=start + 1, last=False, done=done))

    record = Record(world.scripts)
    assert record.count(APP) == len(addresses)
    assert sorted(entry.address for entry in record.entries(APP)) == sorted(addresses)
    buckets = int(world.redis.hget(world.key("done", APP), "buckets"))
    names = [world.key("done", APP, str(number)) for number in range(buckets)]
    assert {bytes(world.redis.object("encoding", name)) for name in names} == {b"listpack"}
    assert max(world.redis.hlen(name) for name in names) <= 128
    asked = [(number, address, OLD) for number, address in enumerate(addresses)]
    (begun,) = world.worker().begin([part.lease], {part.lease: asked})
    assert len(begun.known) == len(addresses)


def test_a_job_that_is_done_already_is_looked_through_without_waiting_for_the_rate(world):
    world.app(rate=1)
    world.redis.hset(world.key("app", APP), "rate", 1e6)
    first = imported(world, 500)
    world.redis.hset(world.key("app", APP), "rate", 1)
    job = world.submit(500)
    began, slices = world.now, 0

    while parts := world.claim():
        for part in parts:
            begun = begin(world, part)
            assert {known.job for known in begun.known.values()} == {first}
            world.settle(told(part, begun))
            slices += 1
        world.advance(0.01)

    assert world.state(job) == "completed"
    assert world.counts(job).skipped == 500
    assert world.now - began < 2_000_000
    assert slices <= 500 / 50 + 3
    world.audit(job)


def test_what_is_not_on_the_record_waits_for_its_permits_and_is_sent_once(world):
    world.app(rate=1e6)
    imported(world, 300)
    world.redis.hset(world.key("app", APP), "rate", 100)
    job, sent, now = world.submit(360), [], world.now

    for _ in range(200):
        for part, known, fresh in to_call(world):
            sent += fresh
            states = {SKIPPED: known, SUCCEEDED: fresh}
            world.settle(report(part, states, free=len(known), calls=len(fresh)))
        world.advance(0.05)
        world.audit(job)

    assert sorted(sent) == list(range(300, 360))
    assert world.state(job) == "completed"
    assert world.counts(job).skipped == 300
    assert world.now - now > 0.5e6


def test_a_lost_look_costs_nothing_and_its_items_are_looked_at_again(world):
    world.app(rate=1e6)
    imported(world, 200)
    job = world.submit(200)
    (part,) = world.claim(items=8)
    world.settle(told(part, begin(world, part)))
    (look,) = world.claim(slots=1)
    assert look.step == LOOK
    held = world.app_now()["permits_granted"]

    begin(world, look)
    world.advance(9)
    world.worker("w2").beat({})
    world.worker("w2").reap()

    assert world.app_now()["permits_granted"] == held
    assert world.redo(job) == list(indexes(look.ranges))
    world.audit(job)


def test_two_jobs_at_once_end_with_every_row_sent_at_least_once_and_at_most_twice(world):
    world.app(rate=1000, max_in_flight=4)
    jobs, sent = [world.submit(60), world.submit(60)], []

    for _ in range(400):
        for part, known, fresh in to_call(world):
            sent += fresh
            states = {SKIPPED: known, SUCCEEDED: fresh}
            done = [(f"user{index}", OLD, 0) for index in fresh]
            world.settle(report(part, states, free=len(known), done=done))
        world.advance(0.02)

    counts = [world.counts(job) for job in jobs]
    assert [one.succeeded + one.skipped for one in counts] == [60, 60]
    assert sum(one.succeeded for one in counts) == len(sent)
    assert {sent.count(index) for index in range(60)} <= {1, 2}
    world.audit(*jobs)


def test_an_app_that_is_removed_takes_its_record_with_it(world):
    world.app()
    imported(world, 100)

    world.fleet.remove_app(APP)

    assert Record(world.scripts).count(APP) == 0
    assert list(world.redis.scan_iter(world.key("done", "*"))) == []


def test_the_record_is_not_read_by_a_submit(world):
    world.app()
    imported(world, 2)

    job = world.submit(2)

    assert world.counts(job).pending == 2
    assert "looks" not in json.dumps(world.jobs.fields(job))
