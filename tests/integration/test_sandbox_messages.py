"""Messages over a real socket to a real sandbox process."""

import json

import pytest

from tests.fakes.hostile import Hostile, http
from tests.integration.sandbox_process import TOKEN, until


def sent(sandbox, **message):
    sandbox.add("news")
    return sandbox.call("message", message={"from": "news", **message})


def keys(sandbox):
    return sandbox.received(token=TOKEN, op="message", keys=1)["keys"]


def test_one_mid_a_call_however_many_people_it_is_for(sandbox):
    answers = [sent(sandbox, to=to) for to in ("ann", "ann,bob,cid", "ann")]

    assert [list(answer) for answer in answers] == [["op", "result", "mid"]] * 3
    assert len({answer["mid"] for answer in answers}) == 3
    assert keys(sandbox) == {"ann": 2, "ann,bob,cid": 1}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"to": ""},
        {"to": ","},
        {"to": 5},
        {"to": "ann", "gid": 404101},
        {"gid": 0},
        {"gid": -1},
        {"gid": "four"},
        {"gid": 1.5},
        {"gid": "9" * 5000},
    ],
)
def test_a_message_for_nobody_or_for_people_and_a_group_at_once_is_refused(sandbox, message):
    answer = sent(sandbox, **message)

    assert (answer["result"], answer["error"]) == (False, "BADPARAM")
    assert "mid" not in answer


def test_a_sender_that_is_no_user_is_refused_unless_the_app_takes_any(sandbox):
    message = {"from": "stranger", "to": "ann"}

    refused = sandbox.call("message", message=message)
    sandbox.register(any_sender=True)
    taken = sandbox.call("message", message=message)

    assert (refused["error"], taken["result"]) == ("BADSENDER", True)


@pytest.mark.parametrize("message", [{}, {"to": "ann"}, {"from": 7, "to": "ann"}, None, []])
def test_a_message_without_a_sender_is_refused_even_where_any_will_do(sandbox, message):
    sandbox.register(any_sender=True)

    assert sandbox.call("message", message=message)["error"] == "BADPARAM"


@pytest.mark.parametrize("spelt", [int, str])
def test_a_message_to_a_group_is_on_record_under_its_gid(sandbox, spelt):
    gid = sandbox.call("groupadd", group={"name": "g"})["group"]["gid"]

    answer = sent(sandbox, gid=spelt(gid))

    assert answer["result"] is True
    assert keys(sandbox) == {f"gid:{gid}": 1}


def test_a_flat_message_is_a_message_too(sandbox):
    sandbox.add("news")

    answer = sandbox.call("message", **{"from": "news", "to": "ann", "message": "Hello"})

    assert answer["mid"]
    assert keys(sandbox) == {"ann": 1}


def told(server):
    """The events that were posted to a webhook, in the order of their deliveries."""
    posts = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in list(server.requests)]
    assert len({post["id"] for post in posts}) == len(posts)
    return [
        event for post in sorted(posts, key=lambda post: post["id"]) for event in post["events"]
    ]


def messages(sandbox, **query):
    return sandbox.control("GET", "messages", token=TOKEN, **query)[1]


def acknowledging():
    return Hostile(lambda peer: peer.say(http(b"MESIBO OK")))


def test_the_webhook_is_told_what_becomes_of_a_message_for_each_of_its_people(sandbox):
    with acknowledging() as server:
        sandbox.register(webhook={"url": server.url}, receipts={"read": 1})
        sandbox.add("ann")
        mid = sent(sandbox, to="ann,nobody")["mid"]
        until(lambda: messages(sandbox)["webhook"], lambda n: n.get("acknowledged") == 5)
        events = told(server)

    assert {event["type"] for event in events} == {"message"}
    assert {event["message"]["mid"] for event in events} == {mid}
    assert [event["status"] for event in events if event["message"]["to"] == "ann"] == [
        *("sent", "delivered", "read"),
    ]
    assert [event["status"] for event in events if event["message"]["to"] == "nobody"] == [
        *("sent", "invaliddest"),
    ]


def test_of_a_group_each_member_has_events_of_its_own_and_the_sender_none(sandbox):
    with acknowledging() as server:
        hook = {"url": server.url, "v": 1, "secret": "hook-canary", "repeat": 2}
        sandbox.register(webhook=hook, receipts={"read": 0, "together": 100})
        for one in ("ann", "bob", "news"):
            sandbox.add(one)
        group = {"name": "g", "members": {"m": "ann,bob,news"}}
        gid = sandbox.call("groupadd", group=group)["group"]["gid"]
        mid = sent(sandbox, gid=gid)["mid"]
        until(lambda: messages(sandbox)["webhook"], lambda n: n.get("acknowledged") == 2)
        first, second = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.requests]

    assert messages(sandbox)["reached"] == {
        "recipients": {"sent": 1, "delivered": 1},
        "members": {"sent": 2, "delivered": 2},
    }
    assert first == second
    assert first["secret"] == "hook-canary"
    assert sorted((event["message"]["to"], event["status"]) for event in first["events"]) == [
        *(("ann", "delivered"), ("ann", "sent"), ("bob", "delivered"), ("bob", "sent")),
    ]
    assert {(e["message"]["gid"], e["message"]["mid"]) for e in first["events"]} == {(gid, mid)}


def test_nothing_is_told_unless_receipts_are_chosen_and_they_may_be_chosen_later(sandbox):
    with acknowledging() as server:
        sandbox.register(webhook={"url": server.url})
        sandbox.add("ann")
        sent(sandbox, to="ann", message="before")
        chosen = {"token": TOKEN, "receipts": {"delivered": 0}}
        answer = sandbox.control("POST", "receipts", chosen)
        mid = sent(sandbox, to="ann")["mid"]
        until(lambda: messages(sandbox)["webhook"], lambda n: n.get("acknowledged") == 1)
        (event,) = told(server)
        sandbox.control("POST", "receipts", {"token": TOKEN, "receipts": None})
        sent(sandbox, to="ann")

    assert answer[1]["receipts"]["delivered"] == 0
    assert (event["message"]["mid"], event["status"]) == (mid, "sent")
    assert messages(sandbox)["waiting"] == 0
    assert messages(sandbox)["webhook"]["posted"] == 1


def test_where_to_tell_may_be_chosen_later_and_the_users_stay(sandbox):
    with acknowledging() as server:
        sandbox.add("ann")
        chosen = {"token": TOKEN, "webhook": {"url": server.url}, "receipts": {"delivered": 0}}
        assert sandbox.control("POST", "receipts", chosen)[0] == 200
        sent(sandbox, to="ann")
        until(lambda: messages(sandbox)["webhook"], lambda n: n.get("acknowledged") == 1)

    assert sandbox.control("POST", "receipts", {"token": TOKEN, "receipts": {"x": 1}})[0] == 400
    assert sandbox.control("POST", "receipts", {"token": "x", "receipts": {}})[0] == 400


def test_the_book_says_how_often_each_recipient_was_sent_something(sandbox):
    gid = sandbox.call("groupadd", group={"name": "g"})["group"]["gid"]
    for message in ({"to": "ann,bob"}, {"to": "ann"}, {"gid": gid}):
        sent(sandbox, **message)
    sent(sandbox, to="ann", gid=gid)

    book = messages(sandbox, keys=1)

    assert (book["sent"], book["distinct"], book["most_per_recipient"]) == (4, 3, 2)
    assert book["recipients"] == {"ann": 2, "bob": 1, f"gid:{gid}": 1}
