"""Inbound deliveries: what is understood, what is only kept, and that nothing ever raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.inbound.event import MessageStatus, Other, Presence, PushResult, Unreadable
from bulkhead.inbound.reading import MOST_EVENTS, read_delivery, read_events

ENVELOPE = {"server": "mesibo", "id": 31, "v": 2, "aid": 7, "ts": 1790000000123}
SECRET = "canary-of-the-body"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.sampled_from(
    ["type", "status", "message", "user", "push", "result", "code", "events", "e", "uid", "secret"]
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(names | st.text(), inner),
    max_leaves=30,
)


def delivered(*events, **envelope):
    return json.dumps({**ENVELOPE, **envelope, "events": list(events)}).encode()


def only(*events, **envelope):
    (event,) = read_events(delivered(*events, **envelope), "application/json")
    return event


def test_a_push_result_says_who_which_service_and_whether_it_went_well():
    user = {"uid": 90210, "address": "ann@tenant.test"}
    push = {"service": "FCM", "result": False, "code": 404, "response": "UNREGISTERED"}

    event = only({"type": "push", "user": user, "push": push})

    assert event.what == PushResult("ann@tenant.test", 90210, "fcm", False, 404, "UNREGISTERED")
    assert (event.aid, event.id, event.at, event.version) == (7, 31, 1790000000123, 2)


@pytest.mark.parametrize(
    ("push", "ok"),
    [
        ({"result": True}, True),
        ({"result": "1"}, True),
        ({"result": 0}, False),
        ({"status": "FAILED"}, False),
        ({"status": 200}, True),
        ({"code": 410}, False),
        ({"code": 7}, None),
        ({}, None),
        ({"result": []}, None),
    ],
)
def test_a_push_result_is_understood_in_every_spelling_and_else_says_nothing(push, ok):
    assert only({"type": "push_result", "push": push, "to": "ann"}).what.ok is ok
    assert only({"push": push, "to": "ann"}).what.address == "ann"


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        ("delivered", "delivered", 2),
        ("Read", "read", 3),
        (2, "delivered", 2),
        ("3", "read", 3),
        (131, "invalid_destination", 131),
        ("INBOX_FULL", "inbox_full", 130),
        ("melted", "melted", None),
        (77, "77", 77),
        (None, "", None),
    ],
)
def test_a_message_status_is_a_word_or_a_number(status, word, code):
    message = {"mid": 5550123, "from": "bot", "to": "ann@tenant.test", "gid": 0, "type": 0}

    event = only({"type": "message", "message": message, "status": status})

    assert event.what == MessageStatus(5550123, "bot", "ann@tenant.test", 0, word, code)


@pytest.mark.parametrize(
    ("status", "online"),
    [("online", True), ("offline", False), (1, True), (2, False), ("away", None), (None, None)],
)
def test_a_user_comes_and_goes(status, online):
    event = only({"type": "user", "user": {"uid": 5, "address": "ann"}, "status": status})

    assert event.what == Presence("ann", 5, online)


@pytest.mark.parametrize(
    ("bits", "what"),
    [
        (0x10, Presence("ann", 5, True)),
        (0x20, Presence("ann", 5, False)),
        (0x100, MessageStatus(None, "ann", "bot", None, "", None)),
        (0x1000, Other("")),
    ],
)
def test_the_oldest_form_is_one_flat_event_in_json_or_as_a_form(bits, what):
    flat = {"secret": SECRET, "uid": 5, "aid": 7, "from": "ann", "to": "bot", "e": bits}
    form = "&".join(f"{name}={value}" for name, value in flat.items()).encode()

    for body, kind in ((json.dumps(flat).encode(), "text/plain"), (form, "")):
        read = read_delivery(body, kind)

        assert [event.what for event in read.events] == [what]
        assert read.secret.reveal() == SECRET


def test_the_secret_of_a_body_is_in_no_event():
    inner = {"type": "user", "secret": SECRET, "user": {"address": "ann"}}

    read = read_delivery(delivered(inner, secret=SECRET, v=1))

    assert read.secret.reveal() == SECRET
    assert SECRET not in repr(read)


def test_an_unknown_event_is_kept_as_it_came():
    event = only({"type": "billing", "due": {"on": "monday"}})

    assert event.what == Other("billing")
    assert event.raw == {"type": "billing", "due": {"on": "monday"}}


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        (b'{"events": {"type": "x"}}', [{"type": "x"}]),
        (b'[{"type": "x"}, 5]', [{"type": "x"}, {"value": 5}]),
        (b'{"type": "x"}', [{"type": "x"}]),
        (b'{"events": []}', []),
        (b"{}", []),
        ('{"type": "x"}'.encode("utf-16"), [{"type": "x"}]),
    ],
)
def test_other_shapes_are_read_as_far_as_they_can_be(body, raw):
    assert [event.raw for event in read_events(body, "text/html")] == raw


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"<html></html>", "text/html"),
        (b"\xff\xfe\x00", "application/json"),
        (b"5", "application/json"),
        (b"null", "application/json"),
        (b"[" * 200_000, "application/json"),
        (b"9" * 5_000, "application/json"),
        (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded"),
        (b"\xff=\xff", ""),
    ],
)
def test_what_holds_no_event_is_unreadable(body, kind):
    assert isinstance(read_events(body, kind), Unreadable)


def test_of_an_event_that_is_nested_very_deeply_only_its_type_is_kept():
    deep = {"type": "x"}
    for _ in range(60):
        deep = {"type": "y", "in": [deep]}

    assert only(deep).raw == {"type": "y"}
    assert only({"type": "x", "in": [[[[]]]]}).raw == {"type": "x", "in": [[[[]]]]}


def test_a_delivery_of_very_many_events_is_read_in_part():
    read = read_delivery(delivered(*({"type": "x"} for _ in range(MOST_EVENTS + 3))))

    assert len(read.events) == MOST_EVENTS
    assert read.beyond == 3


def test_a_repeat_has_the_same_identity_and_another_event_has_not():
    first = only({"type": "x"})

    assert first.identity == only({"type": "x"}).identity
    assert only({"type": "x"}, id=32).identity != first.identity
    assert only({"type": "x"}, ts=1).identity != first.identity
    assert only({"type": "x"}, aid=8).identity != first.identity
    one, two = read_events(delivered({"type": "x"}, {"type": "x"}))
    assert one.identity != two.identity
    assert only({"type": "x"}, id=None).identity is None


@given(anything)
def test_no_json_ever_raises(value):
    read = read_events(json.dumps(value).encode(), "application/json")

    assert isinstance(read, tuple | Unreadable)


@given(st.lists(anything, max_size=5), st.dictionaries(names | st.text(), anything))
def test_no_event_ever_raises_and_each_has_its_place(events, envelope):
    read = read_events(json.dumps({**envelope, "events": events}).encode())

    assert isinstance(read, Unreadable) or [event.index for event in read] == [*range(len(events))]


@given(st.binary(), st.text())
def test_no_bytes_ever_raise(body, kind):
    assert isinstance(read_events(body, kind), tuple | Unreadable)
