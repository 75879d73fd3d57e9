"""What the sandbox's push operations do as time goes by."""

from collections import Counter

import pytest

from sandbox.app import App, Registration
from sandbox.call import Call, NotACall, read_call
from sandbox.operation import perform
from sandbox.outcome import Refused
from sandbox.push_book import DEBUG_EVERY_S
from sandbox.webhook import MOST_WAITING, Poster, Webhook


class Told:
    """Keeps what it is to post."""

    def __init__(self):
        self.posts = []

    def post(self, *post):
        self.posts.append(post)


def app(**settings):
    told = Told()
    return App(Registration("t" * 40, **settings), 0, 1, told), told.posts


def ask(app, op, t, **push):
    outcome = perform(app, Call(op, "", "", {"push": push}, t))
    return outcome.word if isinstance(outcome, Refused) else "ok"


def form(content, boundary=b"edge"):
    head = b'Content-Disposition: form-data; name="%b"'
    parts = [head % b"op" + b"\r\n\r\npushupload"]
    parts += [head % b"file" + b'; filename="a.p12"\r\n\r\n' + content]
    return (
        b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary
    )


def test_a_minute_after_a_test_there_is_room_for_another():
    shop, _ = app(tests_a_minute=2)

    asked = [ask(shop, "pushtest", t, address="ann") for t in (100, 130, 159.9, 160, 161, 190)]

    assert asked == ["ok", "ok", "TESTLIMIT", "ok", "TESTLIMIT", "ok"]


def test_a_debug_window_opens_again_eight_hours_after_the_last_one_opened():
    shop, _ = app()

    asked = [
        ask(shop, "pushdebug", 1_000 + t, duration=60)
        for t in (0, 60, DEBUG_EVERY_S - 1, DEBUG_EVERY_S, DEBUG_EVERY_S + 60)
    ]

    assert asked == ["ok", "DEBUGLIMIT", "DEBUGLIMIT", "ok", "DEBUGLIMIT"]


def test_an_app_without_a_webhook_tells_nobody():
    shop, told = app()

    ask(shop, "pushtest", 1, address="ann")

    assert told == []


def test_a_registration_shows_neither_the_address_nor_the_secret_of_its_webhook():
    shown = repr(Registration("t" * 40, webhook=Webhook("http://x/canary", 1, "canary")))

    assert "canary" not in shown
    assert "canary" not in repr(Webhook("http://x/canary", 1, "canary"))


def test_what_too_many_wait_before_is_dropped_and_counted():
    poster, tally = Poster(), Counter()
    hook = Webhook("http://127.0.0.1:9/", delay_s=3_600, repeat=100)

    for _ in range(MOST_WAITING // 100 + 1):
        poster.post(hook, {}, tally)

    assert tally == {"dropped": 100}
    poster.forget()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(range(256)),
        b"\r\n",
        b"\r",
        b"\n\r\n\r\n",
        b"x--edge",
        b"\r\n--edg",
        b"\n--edge--\r\n",
        b"\r\n\r\n--",
    ],
)
def test_a_file_is_read_byte_for_byte(content):
    call = read_call(form(content), "multipart/form-data; boundary=edge")

    assert (call.op, call.file.name, call.file.content) == ("pushupload", "a.p12", content)


@pytest.mark.parametrize("quoted", ['"an edge: with = signs"', "plain"])
def test_a_boundary_may_be_quoted(quoted):
    body = form(b"x", quoted.strip('"').encode())

    assert read_call(body, f"multipart/form-data; boundary={quoted}").file.content == b"x"


@pytest.mark.parametrize("cut", [-4, -9, -40])
def test_a_form_that_is_cut_short_is_no_call(cut):
    with pytest.raises(NotACall):
        read_call(form(b"content")[:cut], "multipart/form-data; boundary=edge")


def test_a_file_is_in_no_repr_of_a_call():
    assert "canary" not in repr(read_call(form(b"canary"), "multipart/form-data; boundary=edge"))
