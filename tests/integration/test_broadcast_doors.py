"""Broadcasts ordered by programs: with our package, and with nothing but Celery."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from bulkhead.broadcasting import broadcast_of
from bulkhead.client import Bulkhead
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.errors import Conflict, InvalidInput, NotFound, NotPermitted, UsageProblem

PEOPLE = [{"address": "ann@example.com", "name": "Ann"}, {"address": "bob@example.com"}]
MESSAGE = {"sender": "news", "message": "Hi"}


@pytest.fixture
def bulkhead(door, store_server):
    with Bulkhead(store_server.url, tenant="acme") as made:
        yield made


def allow(door, *senders):
    fleet = Fleet(door.scripts)
    settings = fleet.app("acme/shop").settings
    fleet.set_app(
        "acme/shop",
        type(settings).from_fields(settings.to_fields() | {"senders": json.dumps(senders)}),
    )


def params(door, job):
    return Jobs(door.scripts).params(job.id)


def test_a_program_sends_to_groups_and_people(bulkhead, door):
    at = time.time() + 3600

    job = bulkhead.broadcast(
        app="shop",
        sender="news",
        groups=[404101, "404102"],
        users=iter(PEOPLE),
        message="Hi {{name}}",
        variables={"name": "friend"},
        expiry="6h",
        at=at,
        labels={"a": "b"},
    )

    document = job.to_dict()
    assert (document["kind"], document["state"]) == ("broadcast", "scheduled")
    assert document["counts"]["pending"] == 4
    assert (document["input"]["groups"], document["input"]["users"]) == (2, 2)
    assert params(door, job) == {
        "from": "news",
        "message": "Hi {{name}}",
        "expiry": 21_600,
        "variables": ["name"],
        "given": {"name": "friend"},
    }


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"message": ""}, "not clear what to send"),
        ({"message": " "}, "message is empty"),
        ({"message": "Hi \ud83d"}, "message is no text"),
        ({"url": "https://x/y"}, "not clear what to send"),
        ({"message": "Hi {{nmae}}"}, "nothing fills: nmae"),
        ({"message": "Hi {{"}, "not a template"),
        ({"message": None, "url": "ftp://x"}, "URL does not fit"),
        ({"sender": "a,b"}, "cannot be a sender"),
        ({"users": "ann@example.com"}, "`users` does not fit"),
        ({"users": []}, "needs recipients"),
        ({"users": [], "groups": 5}, "`groups` does not fit"),
        ({"expiry": "soon"}, "not a duration"),
        ({"expiry": -1}, "expiry does not fit"),
        ({"expiry": -0.5}, "expiry does not fit"),
        ({"expiry": float("nan")}, "expiry does not fit"),
        ({"expiry": float("inf")}, "expiry does not fit"),
        ({"expiry": True}, "`expiry` does not fit"),
        ({"max_recipients": "3"}, "`max_recipients` does not fit"),
        ({"max_recipients": 0}, "`max_recipients` does not fit"),
        ({"chunk": "3"}, "`chunk` does not fit"),
        ({"variables": ["name"]}, "`variables` does not fit"),
        ({"on_unknown": "maybe"}, "`on_unknown` does not fit"),
        ({"max_recipients": 1}, "2 recipients"),
        ({"at": 1.0}, "time is over"),
    ],
)
def test_a_program_hears_what_cannot_be_sent_and_no_job_is_made(bulkhead, asked, what):
    with pytest.raises(InvalidInput) as refused:
        bulkhead.broadcast(app="shop", **{"users": PEOPLE, **MESSAGE, **asked})

    assert what in refused.value.what
    assert bulkhead.jobs() == []


def test_a_group_that_is_named_by_gid_and_by_custom_id_is_skipped_once(bulkhead, door):
    door.scripts.redis.hset(door.scripts.key("app", "acme/shop", "groups"), "team-a", 404101)

    job = bulkhead.broadcast(app="shop", groups=[404101, "team-a"], **MESSAGE)

    counts = job.to_dict()["counts"]
    assert (counts["pending"], counts["skipped"], counts["failed"]) == (1, 1, 0)


def test_a_sender_that_the_app_does_not_have_is_not_permitted(bulkhead, door):
    allow(door, "boss")

    with pytest.raises(NotPermitted):
        bulkhead.broadcast(app="shop", users=PEOPLE, **MESSAGE)
    with pytest.raises(NotFound):
        bulkhead.broadcast(app="shpo", users=PEOPLE, **MESSAGE)


def test_a_time_that_is_over_is_no_matter_once_the_job_was_made(bulkhead):
    asked = {"app": "shop", "users": PEOPLE, "idempotency_key": "k", **MESSAGE}
    first = bulkhead.broadcast(at=time.time() + 60, **asked)

    again = bulkhead.broadcast(at=1.0, **asked)

    assert again.id == first.id


@pytest.mark.parametrize("policy", ["hold", "resend", "drop"])
def test_what_becomes_of_a_lost_call_is_said_with_the_broadcast(bulkhead, door, policy):
    job = bulkhead.broadcast(app="shop", users=PEOPLE, on_unknown=policy, **MESSAGE)

    fields = Jobs(door.scripts).fields(job.id)
    assert fields["repeat"] == "once"
    assert fields.get("on_unknown") in (policy, None if policy == "hold" else policy)


def test_a_broadcast_that_takes_longer_than_its_messages_are_kept_needs_a_flag(bulkhead):
    users = [f"u{n}@example.com" for n in range(200)]
    asked = {"app": "shop", "users": users, "rate": "1/min", "expiry": "2h", **MESSAGE}

    with pytest.raises(InvalidInput) as refused:
        bulkhead.broadcast(**asked)

    assert "takes longer than its messages are kept" in refused.value.what
    assert bulkhead.broadcast(force_late=True, **asked).counts.total == 200


def test_the_rests_outside_a_window_count_before_the_first_message_expires(bulkhead):
    users = [f"u{n}@example.com" for n in range(200)]
    opens = datetime.now(UTC) + timedelta(hours=3)
    window = f"{opens:%H:%M}-{opens + timedelta(hours=2):%H:%M}[UTC]"
    asked = {"app": "shop", "users": users, "rate": "1/min", "window": window, **MESSAGE}

    with pytest.raises(InvalidInput) as refused:
        bulkhead.broadcast(expiry="6h", **asked)

    assert "200 calls take 3 h" in refused.value.why
    assert "25 h with the rests of its window" in refused.value.why
    assert bulkhead.broadcast(expiry="26h", **asked).counts.total == 200


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"chunk": 0}, "1 to 100"),
        ({"chunk": 101}, "1 to 100"),
        ({"chunk": 60, "message": "x" * 4_000}, "1 to 53"),
        ({"chunk": 2, "message": "Hi {{address}}"}, "a text of their own"),
    ],
)
def test_people_who_cannot_share_a_call_are_refused(bulkhead, asked, why):
    with pytest.raises(InvalidInput) as refused:
        bulkhead.broadcast(app="shop", users=PEOPLE, **{**MESSAGE, **asked})

    assert why in refused.value.why


def test_a_message_becomes_a_broadcast_whose_key_is_the_task_id(client, door):
    asked = {"v": 1, "app": "acme/shop", "users": PEOPLE, "groups": [41, {"gid": 42, "x": "y"}]}
    task = client.send("tasks.broadcast", {**asked, **MESSAGE, "expiry": "2h"})

    assert door.serve() == 1

    job = door.job()
    assert (job.kind, job.counts.pending, job.idempotency_key) == ("broadcast", 4, task)
    assert params(door, job)["expiry"] == 7_200


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({"users": None}, "PAYLOAD_INVALID", "0 items"),
        ({"users": PEOPLE * 4_000, "groups": [*range(1, 4_000)]}, "PAYLOAD_INVALID", "11999 items"),
        ({"message": None}, "PAYLOAD_INVALID", "not clear what to send"),
        ({"message": "{{x}}"}, "PAYLOAD_INVALID", "nothing fills"),
        ({"sender": "eve"}, "PAYLOAD_INVALID", "may not send from eve"),
        ({"on_unknown": "maybe"}, "PAYLOAD_INVALID", "`on_unknown`"),
        ({"recipients": []}, "PAYLOAD_INVALID", "`recipients`"),
        ({"app": "acme/nope"}, "NAME_UNKNOWN", "acme/nope"),
    ],
)
def test_a_message_that_cannot_be_sent_is_a_dead_letter(client, door, members, code, said):
    allow(door, "news")
    asked = {"v": 1, "app": "acme/shop", "users": PEOPLE, **MESSAGE, **members}

    client.send("tasks.broadcast", {name: one for name, one in asked.items() if one is not None})
    door.serve()

    letter = door.letter()
    assert letter.code == code
    assert said in f"{letter.what} {letter.why}"
    assert door.jobs.newest() == []


@pytest.mark.parametrize("expiry", [0.5, "500ms", 1])
def test_less_than_a_second_is_not_kept_for_those_alone_who_are_online(bulkhead, door, expiry):
    job = bulkhead.broadcast(app="shop", users=PEOPLE, expiry=expiry, **MESSAGE)

    assert params(door, job)["expiry"] == 1


def test_another_content_under_the_same_key_is_a_conflict(bulkhead):
    bulkhead.broadcast(app="shop", users=PEOPLE, idempotency_key="k", **MESSAGE)

    with pytest.raises(Conflict):
        bulkhead.broadcast(app="shop", users=PEOPLE[:1], idempotency_key="k", **MESSAGE)


def test_a_program_may_hold_a_broadcast_and_let_it_begin(bulkhead):
    job = bulkhead.broadcast(app="shop", users=PEOPLE, hold=True, **MESSAGE)

    assert job.state == "paused"
    assert job.resume().state == "queued"


def test_the_control_of_another_job_is_a_mistake_of_words(bulkhead, door):
    job = bulkhead.import_users(PEOPLE, app="shop")

    with pytest.raises(UsageProblem):
        broadcast_of(door.scripts, job.id)
