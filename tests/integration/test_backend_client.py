"""The whole client over a server that means no good."""

import base64
import logging
from urllib.parse import quote

import pytest

from bulkhead.backend.call import Call
from bulkhead.backend.client import Backend
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.users import TokenRequest, User, useradd, userdel
from bulkhead.backend.words import WordClass, Words
from bulkhead.model.outcome import Done, Refused, Repeat, Retry, Stopped, Throttled, Unknown
from bulkhead.secrets import Secret
from tests.fakes.hostile import Hostile, http

CANARY = "k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e"
TOKEN = Secret(CANARY)
ANN = User("ann@example.com", "Ann")


class Through:
    """The client over one transport, as a worker puts them together."""

    def __init__(self, transport):
        self._transport = transport
        self._backend = Backend(Words({"NOSUCHUSER": WordClass.PERMANENT}), clock=lambda: 0.0)

    def call(self, endpoint, token, call):
        body = self._backend.body(endpoint, token, call)
        if not isinstance(body, bytes):
            return body
        return self._backend.judge(call, token, self._transport.post(endpoint, body))


@pytest.fixture
def backend(transport):
    return Through(transport)


@pytest.fixture
def stock_backend(stock):
    return Through(stock)


def near(server, **settings):
    return Endpoint(server.url, **{"connect_timeout": 20.0, "read_timeout": 60.0, **settings})


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (http(b'{"op":"useradd","result":true,"user":{"uid":"7"}}'), Done, None),
        (http(b'{"op":"useradd","result":1}'), Done, None),
        (http(b'{"result":false,"error":"BADOP"}'), Refused, "BADOP"),
        (http(b'{"result":false,"error":"NOSUCHUSER"}'), Refused, "REFUSED"),
        (http(b'{"result":false,"error":"HUH"}'), Retry, "UNLISTED"),
        (http(b'{"result":false,"error":"AUTHFAIL"}'), Stopped, "AUTH_FAILED"),
        (http(b'{"result":false,"error":"TOKENBREACH"}'), Stopped, "TOKEN_BREACH"),
        (http(b"<html>no</html>"), Retry, "UNUSABLE_ANSWER"),
        (http(b""), Retry, "UNUSABLE_ANSWER"),
        (http(b'{"op":"useradd","res'), Retry, "UNUSABLE_ANSWER"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Retry, "UNUSABLE_ANSWER"),
        (http(b"", status="302 Found", headers=["Location: /x"]), Retry, "UNUSABLE_ANSWER"),
        (http(b"", status="503 No", headers=["Retry-After: 9"]), Retry, "UPSTREAM_ERROR"),
        (http(b"", status="429 Slow", headers=["Retry-After: 9"]), Throttled, "THROTTLED"),
        (http(b"", status="413 Large"), Refused, "BODY_TOO_LARGE"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Retry, "NO_ANSWER"),
        (b"", Retry, "NO_ANSWER"),
    ],
)
def test_every_answer_over_the_wire_has_its_outcome(backend, answer, kind, code):
    def behave(peer):
        peer.say(answer)
        peer.close()

    with Hostile(behave) as server:
        outcome = backend.call(near(server), TOKEN, useradd(ANN))

    assert (type(outcome), getattr(outcome, "code", None)) == (kind, code)


def test_a_call_that_must_not_be_repeated_is_unknown_when_its_answer_is_lost(backend):
    with Hostile(lambda peer: peer.close()) as server:
        outcome = backend.call(near(server), TOKEN, useradd(User("ann", token=TokenRequest())))

    assert isinstance(outcome, Unknown)


def test_a_body_too_large_for_an_onpremise_backend_is_never_sent(backend):
    fits = 8_192 - len(f'{{"op":"x","token":"{CANARY}","m":""}}')
    outcomes = []

    with Hostile(lambda peer: peer.say(http(b'{"result":true}'))) as server:
        for size, edition in ((fits, "onprem"), (fits + 1, "onprem"), (fits + 1, "cloud")):
            call = Call("x", {"m": "m" * size}, Repeat.SAFE)
            outcomes.append(backend.call(near(server, edition=edition), TOKEN, call))

        assert len(server.requests) == 2
    assert [type(outcome) for outcome in outcomes] == [Done, Refused, Done]
    assert outcomes[1].code == "BODY_TOO_LARGE"


@pytest.mark.parametrize("name", ["half a \ud83d face", float("nan"), object()])
def test_a_row_that_cannot_be_written_as_json_is_refused_unsent(backend, name):
    with Hostile(lambda peer: None) as server:
        outcome = backend.call(near(server), TOKEN, useradd(User("ann", name)))

        assert (type(outcome), outcome.code) == (Refused, "UNSENDABLE")
        assert server.connections == 0


def test_the_token_is_in_the_body_and_nowhere_else_in_the_request(backend):
    with Hostile(lambda peer: peer.say(http(b'{"result":true}'))) as server:
        backend.call(near(server), TOKEN, userdel("ann"))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert CANARY.encode() not in head
    assert body.count(CANARY.encode()) == 1


def _echoes():
    echo = CANARY.encode()
    word = b'{"result":false,"error":"LIMIT %s"}' % echo
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in CANARY).encode()
    yield http(word)
    yield http(b'{"result":false,"error":"%s"}' % escaped)
    yield http(b'{"result":false,"error":{"token":"%s"}}' % echo)
    yield http(b'{"result":false,"error":"BADOP","token":"%s"}' % echo)
    yield http(b'{"result":true,"mid":"%s","user":{"uid":1,"token":"%s"}}' % (echo, echo))
    yield http(b"<html>%s</html>" % echo)
    yield http(echo, status="500 " + CANARY)
    yield http(b"", status="429 Slow", headers=[f"Retry-After: {CANARY}"])
    yield http(b"", status="302 Found", headers=[f"Location: https://x.invalid/?t={CANARY}"])
    yield http(b"", headers=[f"Content-Encoding: {CANARY}"])
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % echo
    yield b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % echo
    yield b"HTTP/1.1 %s\r\n\r\n" % echo
    yield b"HTTP/1.1 200 OK\r\nno header but %s\r\nA: b\r\n\r\n" % echo
    yield b"HTTP/1.1 200 OK\r\n: %s\r\n\r\n" % echo
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n" % echo
    yield b"%s\r\n\r\n" % echo
    yield b""


@pytest.mark.parametrize("answer", list(_echoes()))
@pytest.mark.parametrize("repeat", Repeat)
def test_a_server_that_repeats_the_token_gets_it_into_no_outcome_and_no_log_line(
    backend, caplog, answer, repeat
):
    def behave(peer):
        peer.say(answer)
        peer.close()

    with caplog.at_level(logging.DEBUG), Hostile(behave) as server:
        outcome = backend.call(near(server), TOKEN, Call("useradd", {}, repeat))

    rendered = f"{outcome!r} {outcome} {caplog.text}"
    spellings = [CANARY, base64.b64encode(CANARY.encode()).decode(), quote(CANARY)]
    assert not [spelling for spelling in spellings if spelling in rendered]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_that_never_left_tells_nothing_of_the_token_or_of_the_proxys_password(
    stock_backend, caplog, scheme
):
    endpoint = Endpoint(f"{scheme}://127.0.0.1:9/", proxy="http://ann:hunter2@127.0.0.1:9")

    with caplog.at_level(logging.DEBUG):
        outcome = stock_backend.call(endpoint, TOKEN, useradd(ANN))

    rendered = f"{outcome!r} {endpoint!r} {caplog.text}"
    assert isinstance(outcome, Retry)
    assert CANARY not in rendered
    assert "hunter2" not in rendered
