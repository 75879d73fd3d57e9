"""Who asked is told: at acceptance or refusal, and at the end, with the job document."""

import json

import pytest

from bulkhead.engine.verbs import Verbs
from bulkhead.errors import Unreachable
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import Begun
from tests.fakes.engine import SUCCEEDED, report
from tests.fakes.reception import Reception

TO = {"task": "myapp.job_done", "queue": "myapp"}


def payload(**members):
    items = [{"address": "ann@example.com"}]
    known = {"v": 1, "kind": "users.import", "app": "acme/shop", "items": items, "notify": TO}
    return {**known, **members}


def told(client, door, queue="myapp"):
    """The documents that the program gets now."""
    door.deliver()
    found = []
    for _ in range(door.redis.llen(queue)):
        task, kwargs = client.read(queue)
        assert task == TO["task"]
        assert list(kwargs) == ["job"]
        found.append(kwargs["job"])
    return found


def run(door):
    """Be a worker that claims everything and succeeds."""
    verbs = Verbs(door.scripts, "runner", cell="main", egress="default")
    verbs.beat({})
    for part in verbs.claim(8, 50).slices:
        assert isinstance(verbs.begin([part.lease])[0], Begun)
        verbs.settle([report(part, {SUCCEEDED: list(indexes(part.ranges))})])


def test_acceptance_and_the_end_are_told_with_the_job_document(client, door):
    client.send(kwargs=payload())
    door.serve()
    run(door)

    accepted, ended = told(client, door)

    assert (accepted["state"], ended["state"]) == ("queued", "completed")
    assert accepted["id"] == ended["id"] == door.job().id
    assert ended["counts"]["succeeded"] == 1


def test_a_cancelled_job_tells_its_end(client, door):
    client.send(kwargs=payload())
    door.serve()

    door.jobs.control(door.job().id, "cancel")

    assert [job["state"] for job in told(client, door)] == ["queued", "cancelled"]


def test_a_job_with_no_good_row_is_answered_and_at_its_end(client, door):
    client.send(kwargs=payload(items=[{"address": "a,b"}]))
    door.serve()

    job, ended = told(client, door)

    assert job["state"] == ended["state"] == "rejected"
    assert job["errors_by_code"][0]["code"] == "ADDRESS_HAS_COMMA"


def test_who_asks_again_after_the_end_under_the_same_key_is_told_how_it_ended(client, door):
    client.send(kwargs=payload(idempotency_key="k"))
    door.serve()
    run(door)
    told(client, door)

    client.send(kwargs=payload(idempotency_key="k"))
    door.serve()

    (job,) = told(client, door)
    assert (job["id"], job["state"]) == (door.job().id, "completed")


def test_a_refusal_is_told_with_its_reason_and_where_the_message_is(client, door):
    task = client.send(kwargs=payload(app="acme/nope"))
    door.serve()

    (job,) = told(client, door)

    assert (job["id"], job["state"], job["app"]) == (None, "rejected", "acme/nope")
    assert job["idempotency_key"] == task
    assert job["error"]["code"] == "NAME_UNKNOWN"
    assert job["error"]["submission"] == door.letter().id


def test_a_payload_that_is_wrong_elsewhere_is_still_answered(client, door):
    client.send(kwargs=payload(v=3, app=["x"], idempotency_key=7, kind=None))
    door.serve()

    (job,) = told(client, door)

    assert job["error"]["code"] == "PAYLOAD_INVALID"


def test_cancelling_by_message_is_answered_with_the_job_as_it_then_is(client, door):
    client.send(kwargs=payload(notify=None))
    door.serve()

    client.send(kwargs={"v": 1, "kind": "job.cancel", "job": door.job().id, "notify": TO})
    door.serve()

    assert [job["state"] for job in told(client, door)] == ["cancelled"]


def test_a_job_in_parts_is_answered_when_it_is_made(client, door):
    client.send(kwargs=payload(idempotency_key="k", append=True))
    door.serve()
    assert told(client, door) == []

    client.send(kwargs=payload(idempotency_key="k", last=True, items=[]))
    door.serve()

    assert [job["state"] for job in told(client, door)] == ["queued"]


def test_a_target_that_cannot_be_sent_to_harms_no_other(client, door):
    door.redis.set("broken", "no list")
    client.send(kwargs=payload(notify={"task": "t", "queue": "broken"}))
    client.send(kwargs=payload())
    door.serve()

    assert [job["state"] for job in told(client, door)] == ["queued"]
    assert door.notices.take() is None


def test_a_notice_waits_for_a_broker_that_is_away(client, door):
    client.send(kwargs=payload())
    door.serve()
    there, door.broker_url = door.broker_url, "redis://127.0.0.1:1/0"

    with pytest.raises(Unreachable):
        door.deliver()
    door.broker_url = there

    assert [job["state"] for job in told(client, door)] == ["queued"]


def test_a_notice_in_the_hand_of_a_dead_worker_is_sent_by_another(client, door, store_server):
    client.send(kwargs=payload())
    door.serve()
    other = Reception(door.redis, store_server.broker_url, "w2")
    assert other.notices.take() is not None
    assert door.notices.take() is None

    assert door.notices.adopt("w2") == 1

    assert [job["state"] for job in told(client, door)] == ["queued"]


def test_a_notice_of_a_job_that_is_forgotten_by_now_is_dropped(client, door):
    door.redis.lpush(door.scripts.key("notify"), "job_" + "0" * 26)

    assert door.deliver() == 1

    assert door.notices.take() is None


def test_a_job_that_nobody_wants_to_hear_of_leaves_no_notice(client, door):
    client.send(kwargs=payload(notify=None))
    door.serve()
    run(door)

    assert door.deliver() == 0


def test_a_notice_holds_only_json(client, door):
    client.send(kwargs=payload())
    door.serve()
    door.deliver()

    raw = json.loads(door.redis.lindex("myapp", 0))

    assert raw["content-type"] == "application/json"
    assert raw["headers"]["kwargsrepr"] == "-"
