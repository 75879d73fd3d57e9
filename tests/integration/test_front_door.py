"""The front door, asked by a program that has only `celery[redis]`."""

import base64
import json
import subprocess
import time
from datetime import UTC, datetime

import pytest

from bulkhead.engine.front import LISTS, QUEUE
from bulkhead.engine.jobs import Jobs
from bulkhead.errors import BulkheadError
from bulkhead.model.code import CODES
from tasks.submit import reception
from tests.fakes.bare_client import environment
from tests.fakes.reception import KEYS, Reception

ITEMS = [{"address": f"u{n}@example.com"} for n in range(3)]
CANARY = "canary-of-the-door-0123456789"


def payload(**members):
    members = {"v": 1, "kind": "users.import", "app": "acme/shop", "items": ITEMS, **members}
    return {name: value for name, value in members.items() if value is not None}


def test_the_bare_client_has_none_of_our_code():
    for module in ("bulkhead", "pydantic", "structlog"):
        code = f"import {module}"
        tried = subprocess.run(
            [str(environment()), "-I", "-c", code], capture_output=True, check=False
        )
        assert tried.returncode == 1, module


def test_a_message_becomes_a_job_whose_key_is_the_task_id(client, door):
    task = client.send(kwargs=payload(labels={"source": "hr"}))

    assert door.serve() == 1

    job = door.job()
    assert (job.kind, job.app, job.state) == ("users.import", "acme/shop", "queued")
    assert (job.counts.pending, job.idempotency_key) == (3, task)
    assert job.labels == {"source": "hr"}
    assert door.waiting() == 0
    assert list(door.dead.list()) == []


@pytest.mark.parametrize(
    ("task", "members", "kind"),
    [
        ("tasks.import_users", {"items": ITEMS}, "users.import"),
        ("tasks.call", {"op": "usersget", "body": {"count": 1}}, "call"),
        (
            "tasks.submit",
            {"kind": "users.delete", "items": ["a", {"address": "b"}]},
            "users.delete",
        ),
        ("tasks.submit", {"kind": "call", "op": "usersget"}, "call"),
        (
            "tasks.create_groups",
            {"items": [{"custom_id": "a", "members": ["ann"]}, {"name": "B"}]},
            "groups.create",
        ),
    ],
)
def test_each_kind_and_each_named_task_makes_its_job(client, door, task, members, kind):
    client.send(task, {"v": 1, "app": "acme/shop", **members})

    door.serve()

    assert door.job().kind == kind
    assert door.job().state == "queued"


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_a_message_cancels_or_pauses_a_job_and_may_come_twice(client, door, verb):
    client.send(kwargs=payload())
    door.serve()
    asked = {"v": 1, "kind": f"job.{verb}", "job": door.job().id}

    client.send(kwargs=asked)
    client.send(kwargs={**asked, "app": "acme/shop"})
    door.serve()

    assert door.job().state == {"cancel": "cancelled", "pause": "paused"}[verb]
    assert list(door.dead.list()) == []


@pytest.mark.parametrize(("said", "kept"), [(None, None), ("hold", None), ("drop", "drop")])
def test_a_message_may_say_what_a_lost_answer_is(client, door, said, kept):
    client.send(kwargs=payload(on_unknown=said))

    door.serve()

    assert door.job().on_unknown == kept


@pytest.mark.parametrize(
    ("priority", "weight"),
    [(None, 4), (0, 4), (1, 16), (2, 16), (3, 16), (4, 4), (5, 4), (6, 4), (7, 1), (8, 1), (9, 1)],
)
def test_celerys_priority_becomes_the_jobs(client, door, priority, weight):
    client.send(kwargs=payload(), **({} if priority is None else {"priority": priority}))

    assert door.serve() == 1

    assert int(door.jobs.fields(door.job().id)["weight"]) == weight


def test_a_priority_in_the_payload_wins(client, door):
    client.send(kwargs=payload(priority="bulk"), priority=1)

    door.serve()

    assert int(door.jobs.fields(door.job().id)["weight"]) == 1


def test_every_list_that_a_client_may_use_is_read_the_most_urgent_first(client, door):
    sent = {p: client.send(kwargs=payload(), priority=p) for p in (9, 7, 4, 0)}

    used = [name for name in LISTS if door.redis.llen(name)]
    assert used == [QUEUE, *(f"{QUEUE}\x06\x16{step}" for step in (3, 6, 9))]
    door.serve()

    keys = [job.idempotency_key for job in reversed(door.jobs.newest())]
    assert keys == [sent[p] for p in (0, 4, 7, 9)]


@pytest.mark.parametrize("name", [f"{QUEUE}:5", f"{QUEUE}\x06\x161", f"{QUEUE}:9"])
def test_lists_of_clients_with_other_steps_or_the_manuals_separator_are_read(client, door, name):
    client.send(kwargs=payload())
    door.redis.rename(QUEUE, name)

    assert door.serve() == 1

    assert door.job().state == "queued"


def test_a_countdown_becomes_the_jobs_time_and_expires_its_deadline(client, door):
    before = time.time()

    client.send(kwargs=payload(), countdown=3600, expires=7200)
    door.serve()

    fields = door.jobs.fields(door.job().id)
    assert 3600 <= float(fields["at"]) / 1e6 - before < 3700
    assert 7200 <= float(fields["deadline"]) / 1e6 - before < 7300


@pytest.mark.parametrize(
    "at", [1_900_000_000, "2030-03-17T17:46:40Z", "2030-03-17T18:46:40[Europe/Berlin]"]
)
def test_a_time_in_the_payload_wins_over_the_countdown(client, door, at):
    client.send(kwargs=payload(at=at), countdown=5)

    door.serve()

    assert float(door.jobs.fields(door.job().id)["at"]) == 1_900_000_000 * 1e6


def test_a_message_that_expired_unread_is_a_dead_letter(client, door):
    client.send(kwargs=payload(), expires=datetime(2020, 1, 1, tzinfo=UTC).isoformat())

    door.serve()

    assert door.letter().code == "MESSAGE_EXPIRED"
    assert door.jobs.newest() == []


def test_the_same_message_again_is_the_same_job(client, door):
    client.send(kwargs=payload(), task_id="t-1")
    raw = door.redis.lindex(QUEUE, 0)
    door.serve()

    door.front.put(raw)
    assert door.serve() == 1

    assert len(door.jobs.newest()) == 1
    assert list(door.dead.list()) == []


def test_other_content_under_a_key_is_refused(client, door):
    client.send(kwargs=payload(idempotency_key="k"))
    client.send(kwargs=payload(idempotency_key="k", items=ITEMS[:1]))

    door.serve()

    assert len(door.jobs.newest()) == 1
    assert door.letter().code == "CONFLICT"


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({"kind": "broadcast"}, "PAYLOAD_INVALID", "`sender`"),
        ({"kind": "creds.rotate"}, "PAYLOAD_INVALID", "`apps"),
        ({"kind": "users.improt"}, "PAYLOAD_INVALID", "users.improt"),
        ({"kind": None}, "PAYLOAD_INVALID", "`kind` is missing"),
        ({"kind": 5}, "PAYLOAD_INVALID", "`kind` is missing"),
        ({"v": 2}, "PAYLOAD_INVALID", "`v`"),
        ({"v": None}, "PAYLOAD_INVALID", "`v`"),
        ({"app": None}, "PAYLOAD_INVALID", "`app`"),
        ({"app": "acme/nope"}, "NAME_UNKNOWN", "no app acme/nope"),
        ({"app": "shop"}, "PAYLOAD_INVALID", "whose app"),
        ({"app": "acme/../x"}, "PAYLOAD_INVALID", ""),
        ({"app": ""}, "PAYLOAD_INVALID", "`app`"),
        ({"app": 7}, "PAYLOAD_INVALID", "`app`"),
        ({"items": None}, "PAYLOAD_INVALID", "`items`"),
        ({"items": []}, "PAYLOAD_INVALID", "`items` is empty"),
        ({"items": "abc"}, "PAYLOAD_INVALID", "`items`"),
        ({"items": [{"address": "a"}] * 10_001}, "PAYLOAD_INVALID", "10000"),
        ({"surprise": CANARY}, "PAYLOAD_INVALID", "`surprise`"),
        ({"tokens": CANARY}, "PAYLOAD_INVALID", "`tokens`"),
        ({"priority": CANARY}, "PAYLOAD_INVALID", "`priority`"),
        ({"labels": {"a": 1}}, "PAYLOAD_INVALID", "`labels.a`"),
        ({"max_failures": CANARY}, "PAYLOAD_INVALID", "`max_failures"),
        ({"at": CANARY}, "PAYLOAD_INVALID", "`at`"),
        ({"idempotency_key": "k" * 201}, "PAYLOAD_INVALID", "`idempotency_key`"),
        ({"notify": {"task": "t"}}, "PAYLOAD_INVALID", "`notify.queue`"),
        ({"notify": {"task": "t", "queue": "bulkhead.submit"}}, "PAYLOAD_INVALID", "our own"),
        (
            {"notify": {"task": "t", "queue": "{bulkhead}:jobs"}},
            "PAYLOAD_INVALID",
            "`notify.queue`",
        ),
        ({"append": True}, "PAYLOAD_INVALID", "`idempotency_key`"),
        ({"part": 1}, "PAYLOAD_INVALID", "`part`"),
        ({"kind": "users.delete", "items": []}, "PAYLOAD_INVALID", "`items`"),
        ({"kind": "call", "items": None, "op": "x y"}, "PAYLOAD_INVALID", "name is not usable"),
        (
            {"kind": "call", "items": None, "op": "useradd", "body": {"token": CANARY}},
            *(("PAYLOAD_INVALID", "token")),
        ),
        ({"kind": "call", "items": None, "op": "pushupload"}, "PAYLOAD_INVALID", "pushupload"),
        ({"kind": "job.cancel", "items": None, "job": "job_1"}, "PAYLOAD_INVALID", "`job`"),
        ({"kind": "job.cancel", "items": None, "job": "job_" + "0" * 26}, "NAME_UNKNOWN", "job_0"),
    ],
)
def test_a_payload_that_does_not_fit_is_kept_with_the_reason(client, door, members, code, said):
    client.send(kwargs=payload(**members))

    door.serve()

    letter = door.letter()
    assert letter.code == code
    assert said in letter.what + letter.why
    assert letter.kept
    assert letter.task == "tasks.submit"
    assert CANARY not in json.dumps(letter.to_dict())
    assert door.jobs.newest() == []


@pytest.mark.parametrize(
    ("task", "options", "code"),
    [
        ("tasks.sbumit", {}, "PAYLOAD_INVALID"),
        ("tasks.run_parcel", {}, "PAYLOAD_INVALID"),
        ("tasks.broadcast", {"kwargs": {"v": 1}}, "PAYLOAD_INVALID"),
        ("tasks.rotate_credentials", {"kwargs": {"v": 1}}, "PAYLOAD_INVALID"),
        ("tasks.call", {"kwargs": payload()}, "PAYLOAD_INVALID"),
        ("tasks.submit", {"args": [1]}, "NOT_A_MESSAGE"),
        ("tasks.submit", {"serializer": "pickle"}, "NOT_A_MESSAGE"),
        ("tasks.submit", {"compression": "bzip2"}, "NOT_A_MESSAGE"),
        ("tasks.submit", {"link": {"task": "x", "args": [], "kwargs": {}}}, "NOT_A_MESSAGE"),
    ],
)
def test_what_no_message_of_ours_may_be_is_refused(client, door, task, options, code):
    client.send(task, **{"kwargs": payload(), **options})

    door.serve()

    assert door.letter().code == code
    assert door.jobs.newest() == []


def test_a_message_over_4_mib_is_refused_and_one_under_it_is_not(client, door):
    client.send(kwargs=payload(items=[{"address": "a", "note": "x" * 4 * 2**20}]))
    client.send(kwargs=payload(items=[{"address": "a", "note": "x" * (4 * 2**20 - 2000)}]))

    door.serve()

    assert door.letter().code == "MESSAGE_TOO_LARGE"
    assert door.job().counts.total == 1


def test_ten_thousand_items_are_taken_also_compressed_by_gzip(client, door):
    items = [{"address": f"u{n}@example.com"} for n in range(10_000)]

    client.send(kwargs=payload(items=items), compression="gzip")
    door.serve()

    assert door.job().counts.pending == 10_000


def test_a_message_that_swells_when_it_is_inflated_is_refused(client, door):
    client.send(kwargs=payload(items=["0" * 30 * 2**20]), compression="gzip")

    door.serve()

    assert door.letter().code == "MESSAGE_TOO_LARGE"


def message(body=None, **members):
    envelope = {
        "body": base64.b64encode(json.dumps([[], {}, {}]).encode()).decode(),
        "content-type": "application/json",
        "headers": {"task": "tasks.submit", "id": "t"},
        "properties": {"body_encoding": "base64"},
    }
    return json.dumps(envelope | ({} if body is None else {"body": body}) | members).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04\x95garbage",
        b"\xff" * 100,
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"body": NaN}',
        message(body="***"),
        message(body=base64.b64encode(b"{").decode()),
        message(body=base64.b64encode(b"[" * 50_000).decode()),
        message(body=base64.b64encode(b"9" * 5_000).decode()),
        message(body=None, headers=None),
        message(headers={"task": "tasks.submit", "id": 5}),
        message(headers={"task": "t" * 300, "id": "t"}),
        message(headers={"task": "tasks.submit", "id": "t", "eta": "tomorrow"}),
        message(headers={"task": "tasks.submit", "id": "t", "compression": "application/x-gzip"}),
        message(body=base64.b64encode(b"[[], [1], {}]").decode()),
        message(body=base64.b64encode(b'[[], {"kind": "\\ud800"}, {}]').decode()),
        message(properties=[]),
        b"x" * (6 * 2**20),
    ],
    ids=range(21),
)
def test_garbage_in_the_list_is_buried_and_the_next_message_is_carried_out(client, door, raw):
    door.redis.lpush(QUEUE, raw)
    client.send(kwargs=payload())

    assert door.serve() == 2

    assert door.letter().code in CODES
    assert door.job().counts.pending == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"id": ""},
        {"id": "t", "eta": "9999-12-31T23:59:59-12:00"},
        {"id": "t", "eta": "0001-01-01T00:00:00+00:00"},
        {"id": "t", "expires": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_message_without_an_id_or_with_a_time_no_document_can_show_makes_no_job(door, headers):
    body = base64.b64encode(json.dumps([[], payload(), {}]).encode()).decode()

    door.redis.lpush(QUEUE, message(body=body, headers={"task": "tasks.submit", **headers}))
    door.serve()

    assert door.jobs.newest() == []
    assert door.letter().code == "NOT_A_MESSAGE"


def test_the_old_form_of_celerys_messages_is_read_too(door):
    body = {"task": "tasks.submit", "id": "old-1", "args": [], "kwargs": payload(), "eta": None}
    encoded = base64.b64encode(json.dumps(body).encode()).decode()

    door.redis.lpush(QUEUE, message(body=encoded, headers={}))
    door.serve()

    assert door.job().idempotency_key == "old-1"


def test_a_row_that_cannot_be_sent_fails_alone(client, door):
    client.send(kwargs=payload(items=[*ITEMS, {"address": "a,b"}, 5, {"address": "x\ud800"}]))

    door.serve()

    assert (door.job().counts.pending, door.job().counts.failed) == (3, 3)


def test_what_a_dead_worker_had_in_hand_is_carried_out_by_another(client, door, store_server):
    other = Reception(door.redis, store_server.broker_url, "w2")
    first = client.send(kwargs=payload())
    client.send(kwargs=payload())
    assert other.front.take() is not None

    assert door.front.adopt("w2") == 1
    assert door.front.adopt("w2") == 0
    assert door.serve() == 2

    assert first in {job.idempotency_key for job in door.jobs.newest()}
    assert len(door.jobs.newest()) == 2


def test_a_message_whose_worker_died_after_the_submit_makes_no_second_job(client, door):
    client.send(kwargs=payload(notify={"task": "t.done", "queue": "mine"}), expires=3600)
    raw = door.front.take()
    door.submit.receive(raw)

    # The worker died here: nothing told the list that the message is done.
    assert door.serve() == 1

    assert len(door.jobs.newest()) == 1
    assert list(door.dead.list()) == []


def test_refused_messages_can_be_listed_retried_and_dropped(client, door):
    client.send(kwargs=payload(app="acme/later"))
    client.send(kwargs=payload(v=9))
    door.serve()
    bad, later = door.dead.list()

    door.app("acme/later")
    door.dead.retry(later.id, door.front.put)
    door.dead.drop(bad.id)
    door.serve()

    assert list(door.dead.list()) == []
    assert door.job().app == "acme/later"
    with pytest.raises(BulkheadError):
        door.dead.get(bad.id)


def test_a_retried_message_that_is_refused_again_stays_a_dead_letter(client, door):
    client.send(kwargs=payload(app="acme/later"))
    door.serve()

    def put_and_serve(raw):
        door.front.put(raw)
        door.serve()

    door.dead.retry(door.letter().id, put_and_serve)

    assert door.letter().code == "NAME_UNKNOWN"


def test_a_tenant_in_the_settings_is_understood(client, door):
    door.submit = reception(door.scripts, door.front, door.notices, "acme", KEYS)

    client.send(kwargs=payload(app="shop"))
    door.serve()

    assert Jobs(door.scripts).newest()[0].app == "acme/shop"
