"""A job that comes in several messages is one job, whatever happens between them."""

import itertools
import threading

import pytest

from bulkhead.engine.front import QUEUE
from bulkhead.engine.parts import Parcelled
from bulkhead.errors import Unreachable
from tasks import together
from tests.fakes.reception import Reception


def part(*names, **members):
    items = [{"address": name} for name in names]
    known = {"v": 1, "kind": "users.import", "app": "acme/shop", "idempotency_key": "big"}
    return {**known, "items": items, **members}


def addresses(door, job):
    return [row[1] for row in door.jobs.segment(job, 0)]


def test_parts_become_one_job_in_the_order_they_came_in(client, door):
    client.send(kwargs=part("a", "b", append=True))
    client.send(kwargs=part("c", append=True))
    door.serve()
    assert door.jobs.newest() == []

    client.send(kwargs=part("d", append=True, last=True, tokens="missing", max_failures="5%"))
    door.serve()

    job = door.job()
    assert addresses(door, job.id) == ["a", "b", "c", "d"]
    assert job.idempotency_key == "big"
    assert '"missing"' in door.jobs.fields(job.id)["params"]
    assert list(door.dead.list()) == []


def test_the_last_part_may_be_empty_and_need_not_say_append(client, door):
    client.send(kwargs=part("a", append=True))
    client.send(kwargs=part(last=True))

    door.serve()

    assert addresses(door, door.job().id) == ["a"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_numbered_parts_may_come_in_any_order(client, door, order):
    parts = [
        part("a", append=True, part=1),
        part("b", append=True, part=2),
        part("c", last=True, part=3),
    ]

    for number in order:
        client.send(kwargs=parts[number])
    door.serve()

    assert addresses(door, door.job().id) == ["a", "b", "c"]


def test_a_part_that_comes_twice_counts_once(client, door):
    client.send(kwargs=part("a", append=True), task_id="one")
    raw = door.redis.lindex(QUEUE, 0)
    door.serve()
    door.front.put(raw)
    client.send(kwargs=part("b", last=True), task_id="two")
    last = door.redis.lindex(QUEUE, 0)

    door.serve()
    for again in (raw, last):
        door.front.put(again)
    door.serve()

    assert addresses(door, door.job().id) == ["a", "b"]
    assert list(door.dead.list()) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (part("x", append=True, part=7), "none"),
        (part("x", append=True, app="acme/other"), "another app"),
        (part("x", append=True, app="acme/nope"), "the apps are"),
        (part("x", append=True, surprise=1), "surprise"),
    ],
)
def test_a_bad_part_refuses_only_itself(client, door, bad, said):
    door.app("acme/other")
    client.send(kwargs=part("a", append=True))
    client.send(kwargs=bad)
    client.send(kwargs=part("b", last=True))

    door.serve()

    assert addresses(door, door.job().id) == ["a", "b"]
    assert said in door.letter().why


def test_a_part_after_the_last_is_refused_and_the_job_stays_as_it_is(client, door):
    client.send(kwargs=part("a", last=True))
    client.send(kwargs=part("b", append=True))

    door.serve()

    assert addresses(door, door.job().id) == ["a"]
    assert "without it" in door.letter().why


@pytest.mark.parametrize("late", [part("z", append=True, part=3), part("z", last=True, part=2)])
def test_a_numbered_part_behind_the_last_is_refused(client, door, late):
    client.send(kwargs=part("b", last=True, part=2))
    client.send(kwargs=late)
    client.send(kwargs=part("a", append=True, part=1))

    door.serve()

    assert addresses(door, door.job().id) == ["a", "b"]
    assert door.letter().code == "CONFLICT"


def test_a_last_part_waits_for_an_earlier_one_in_another_workers_hand(
    client, door, store_server, monkeypatch
):
    monkeypatch.setattr(together, "PATIENCE", 0.2)
    other = Reception(door.redis, store_server.broker_url, "w2")
    client.send(kwargs=part("a", append=True))
    held = other.front.take()
    client.send(kwargs=part("b", last=True))

    with pytest.raises(Unreachable):
        door.serve()
    other.submit.receive(held)
    other.front.done(held)
    door.serve()

    assert addresses(door, door.job().id) == ["a", "b"]


def test_a_last_part_inherits_the_earlier_one_of_a_worker_that_died(
    client, door, store_server, monkeypatch
):
    monkeypatch.setattr(together, "PATIENCE", 0.2)
    other = Reception(door.redis, store_server.broker_url, "w2")
    client.send(kwargs=part("a", append=True))
    assert other.front.take()
    client.send(kwargs=part("b", last=True))
    with pytest.raises(Unreachable):
        door.serve()

    door.front.adopt("w2")
    door.serve()

    assert addresses(door, door.job().id) == ["a", "b"]


def test_two_workers_at_once_put_every_job_together_whole(client, door, store_server):
    other = Reception(door.redis, store_server.broker_url, "w2")
    for key in range(10):
        for number in range(5):
            name = f"{key}-{number}"
            client.send(kwargs=part(name, append=True, idempotency_key=f"k{key}"))
        client.send(kwargs=part(last=True, idempotency_key=f"k{key}"))

    workers = [threading.Thread(target=one.serve) for one in (door, other)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)

    jobs = door.jobs.newest()
    whole = {f"k{key}": {f"{key}-{n}" for n in range(5)} for key in range(10)}
    assert {job.idempotency_key: set(addresses(door, job.id)) for job in jobs} == whole
    assert list(door.dead.list()) == []


def test_who_finds_the_parts_gone_reads_the_message_again_and_finds_the_job(client, door):
    client.send(kwargs=part("a", append=True, part=1))
    client.send(kwargs=part("b", last=True, part=2))
    raw = door.redis.lindex(QUEUE, 0)
    door.serve()
    whole = Parcelled("acme", "big", "acme/shop")

    with pytest.raises(Unreachable):
        list(door.parts.items(whole))

    door.front.put(raw)
    door.serve()
    assert addresses(door, door.job().id) == ["a", "b"]
    assert list(door.dead.list()) == []


def test_parts_that_no_last_one_follows_are_told_of_after_a_day(client, door):
    client.send(kwargs=part("a", append=True))
    door.serve()

    door.redis.zadd(door.scripts.key("parts"), {"acme big": 1})
    door.submit.sweep()

    assert door.letter().code == "PARTS_INCOMPLETE"
    assert not door.letter().kept
    assert list(door.redis.scan_iter("*parts*")) == []
