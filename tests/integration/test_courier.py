"""Which way a call goes, and that its end is told in the caller's thread either way."""

import threading
from queue import SimpleQueue

import pytest

from bulkhead.backend.caller import Caller
from bulkhead.backend.form import written
from bulkhead.backend.reply import Answer, NoAnswer, Withheld
from bulkhead.backend.upload import Upload
from bulkhead.secrets import SecretBytes
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, near
from tests.fakes.proxy import Proxy
from worker.courier import Courier
from worker.lanes import Lanes


@pytest.fixture(params=[True, False], ids=["lean", "requests"])
def courier(request):
    made = Courier(Caller(), Lanes(2), lean=request.param)
    yield made
    made.caller.close()


def told(courier, endpoint, may_go=lambda: True, body=BODY):
    """What is told of a call, and by which thread."""
    heard = SimpleQueue()

    def hear(reply):
        heard.put((reply, threading.current_thread().name))

    courier.caller.soon(courier.send, endpoint, body, hear, may_go)
    return heard.get(timeout=120)


def test_an_answer_is_told_in_the_callers_thread(courier):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply, thread = told(courier, near(server.url))

    assert (type(reply), reply.body, thread) == (Answer, YES, "caller")


def test_a_form_is_taken_either_way(courier):
    form = written({"op": "pushupload"}, Upload("key.json", SecretBytes(b"{}")))

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply, _ = told(courier, near(server.url), body=form)

    assert reply.body == YES
    assert server.requests[0].endswith(form.content)


def test_a_call_that_may_not_go_any_more_never_leaves(courier):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply, _ = told(courier, near(server.url), may_go=lambda: False)

        assert isinstance(reply, Withheld)
        assert server.requests == []


def test_a_call_with_a_proxy_goes_through_it_in_either_way(courier):
    with Proxy() as proxy, Hostile(lambda peer: peer.say(http(YES))) as server:
        reply, thread = told(courier, near(server.url, proxy=proxy.url))

        assert proxy.asked == [("POST", server.url)]
    assert (reply.body, thread) == (YES, "caller")


def test_an_error_of_ours_on_a_lane_is_told_as_a_lost_answer(courier):
    def surprise():
        raise RuntimeError("ours")

    with Proxy() as proxy:
        reply, _ = told(courier, near("http://127.0.0.1:9/", proxy=proxy.url), may_go=surprise)

    assert isinstance(reply, NoAnswer)
