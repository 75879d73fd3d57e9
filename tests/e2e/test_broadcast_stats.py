"""The funnel of a broadcast, as a person sees it: worker, API and sandbox together."""

import csv
import io

import pytest
import requests

from bulkhead.client import Bulkhead
from bulkhead.engine.embedded import find
from bulkhead.errors import InvalidInput
from tests.e2e.broadcast_rig import App
from tests.e2e.product import until

PEOPLE = 40
MEMBERS = ("ann@example.com", "bob@example.com", "cid@example.com")


@pytest.fixture
def app(standing, sandbox):
    return App(standing, sandbox, people=MEMBERS)


def listen(app, **receipts):
    """Let the sandbox tell the app's webhook what becomes of messages."""
    url = app.typed("webhooks", "inbound", "show", app.name, "-o", "json").json["url"]
    chosen = {"token": app.token, "webhook": {"url": url}, "receipts": receipts}
    address = f"{app.stand_in.url}/_sandbox/receipts"
    requests.post(address, json=chosen, timeout=60).raise_for_status()
    return url


def told(app):
    """Waits until the sandbox has told all there is: how many deliveries were acknowledged."""
    address = f"{app.stand_in.url}/_sandbox/messages"

    def read():
        book = requests.get(address, params={"token": app.token}, timeout=60).json()
        posted = book["webhook"].get("posted", 0)
        done = not book["waiting"] and posted == book["webhook"].get("acknowledged", 0)
        return posted if done else 0

    return until(read)


def people(app, number=PEOPLE):
    rows = "".join(f"user{n}@example.com\n" for n in range(number))
    return app.file("people.csv", f"address\n{rows}")


def stats(app, job):
    return app.typed("broadcast", "stats", job, "-o", "json").json


def stages(app, job, column="recipients"):
    return {row["stage"]: row[column] for row in stats(app, job)["stages"]}


def settled(app, job, **wanted):
    """The stages, once these are what they are to be."""

    def read():
        found = stages(app, job)
        return found if wanted.items() <= found.items() else None

    return until(read)


def test_every_person_that_mesibo_told_of_is_counted_where_the_message_has_come(app):
    listen(app, read=1)

    job = app.sent("--to-users", people(app), "--message", "Hello")["id"]
    found = settled(app, job, read=PEOPLE)

    everybody = ("audience", "attempted", "accepted", "sent", "delivered", "read")
    assert found == dict.fromkeys(everybody, PEOPLE) | dict.fromkeys(
        ("lost", "failed", "unknown", "not_attempted"), 0
    )
    assert stages(app, job, "percent")["read"] == 100.0
    assert stats(app, job)["lower_bound"] is True


def test_late_repeated_shuffled_wide_and_textual_events_count_once(app):
    odd = {"spread_s": 1.0, "repeat": 3, "together": 7, "reverse": True}
    listen(app, read=1, delivered=0.5, wide_mid=True, form="text", **odd)

    job = app.sent("--to-users", people(app), "--message", "Hello")["id"]
    told(app)
    found = settled(app, job, sent=PEOPLE)

    assert 5 < found["delivered"] < 35
    assert found["read"] == found["delivered"]
    show = app.typed("webhooks", "inbound", "show", app.name, "-o", "json").json
    assert show["of_broadcasts"] == show["message_events"] == 3 * (PEOPLE + 2 * found["read"])


def test_of_people_who_share_a_call_each_is_counted(app):
    listen(app, read=1, delivered=0.5)

    words = ("--to-users", people(app), "--message", "Hello", "--chunk", "10")
    job = app.sent(*words)["id"]
    found = settled(app, job, sent=PEOPLE)

    assert len(app.received()) == 4
    assert 5 < found["delivered"] < 35


def test_a_group_counts_when_one_member_is_reached_and_its_members_each_once(app):
    listen(app, read=1, repeat=2)
    gids = app.groups(3, members={"m": ",".join(MEMBERS)})
    [empty] = app.groups(1)

    words = ("--to-groups", ",".join(map(str, [*gids, empty])))
    job = app.sent(*words, "--message", "Hello")["id"]
    found = settled(app, job, read=3)
    until(lambda: stages(app, job, "members")["read"] == 9)

    assert (found["accepted"], found["sent"]) == (4, 3)
    assert stages(app, job, "members")["sent"] == 9


def test_without_a_webhook_the_funnel_says_so_and_how_to_get_one(app):
    job = app.sent("--to-users", people(app, 2), "--message", "Hello")["id"]

    shown = app.typed("broadcast", "stats", job, "-o", "table")
    table = app.typed("broadcast", "stats", job, "-o", "csv")

    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert {row["stage"]: row["recipients"] for row in rows}["sent"] == "0"
    for done in (shown, table):
        assert "a lower bound" in done.err
        assert f"bulkhead webhooks inbound show {app.name}" in done.err


def test_what_another_app_is_told_touches_nothing_and_a_flood_of_it_disturbs_nobody(app):
    url = listen(app, read=1)
    other = App(app.product, app.stand_in)
    forged_at = listen(other)
    job = app.sent("--to-users", people(app), "--message", "Hello")["id"]
    settled(app, job, read=PEOPLE)
    mids = {row["key"]["address"]: row["upstream"]["mid"] for row in app.results(job)}
    words = ("--to-users", people(app, 3), "--message", "Again", "--hold")
    unread = app.create(*words).json["id"]

    def event(mid, to):
        message = {"mid": mid, "from": "news", "to": to, "gid": 0}
        return {"type": "message", "message": message, "status": "read"}

    forged = [event(mid, to) for to, mid in mids.items()]
    flood = [event(n, f"user{n}@example.com") for n in range(10_000)]
    posts = [(forged_at, forged)]
    posts += [(forged_at, flood[at : at + 200]) for at in range(0, len(flood), 200)]
    for number, (where, events) in enumerate(posts):
        body = {"server": "mesibo", "id": number, "v": 2, "ts": number, "events": events}
        answer = requests.post(where, json=body, timeout=60)
        assert answer.text == "MESIBO OK"
    app.control("resume", unread)
    found = settled(app, unread, read=3)

    assert found["accepted"] == 3
    assert stages(app, job)["read"] == PEOPLE
    show = other.typed("webhooks", "inbound", "show", other.name, "-o", "json").json
    assert (show["message_events"], show["of_broadcasts"]) == (10_000 + PEOPLE, 0)
    assert show["received"] - show["dropped"] == 2_000
    assert url != forged_at


def test_a_program_reads_the_same_funnel(app):
    listen(app, read=1)
    job = app.sent("--to-users", people(app, 3), "--message", "Hello")["id"]
    settled(app, job, read=3)
    call = ("call", "useradd", "--app", app.name, "--body", "-", "-o", "json")
    other = app.typed(*call, stdin='{"user": {"address": "ann"}}').json["id"]

    with Bulkhead(find(app.product.home)) as bulkhead:
        funnel = bulkhead.job(job).delivery()
        with pytest.raises(InvalidInput, match="no broadcast"):
            bulkhead.job(other).delivery()

    assert funnel.to_dict() == stats(app, job)
    assert (funnel.attempts.accepted, funnel.recipients.read) == (3, 3)
    refused = app.typed("broadcast", "stats", other, code=2)
    assert "no broadcast" in refused.err
