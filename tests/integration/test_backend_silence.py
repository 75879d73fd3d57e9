"""What is said of a call that left and was not, or not wholly, answered."""

import random
import threading

import pytest
from urllib3.exceptions import NewConnectionError
from urllib3.util.wait import wait_for_read

from bulkhead.backend.reply import BROKEN, Answer, NoAnswer
from bulkhead.backend.wire import Connection, Wire
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, chunked, near


def _nothing(peer):
    peer.close()


def _half_a_status_line(peer):
    peer.say(b"HTTP/1.1 2")
    peer.close()


def _half_a_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", YES[:7])
    peer.close()


def _half_a_chunk(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{")
    peer.close()


def _reset_after_the_request(peer):
    peer.reset()


def _reset_in_the_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{")
    peer.reset()


def _flood_of_headers(peer):
    peer.say(b"HTTP/1.1 200 OK\r\n")
    peer.drip(b"X-Flood: yes\r\n" * 100, every=0)


def _endless_header(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nX-Flood: ")
    peer.drip(b"y" * 10_000, every=0)


def _not_http(peer):
    peer.say(b"SSH-2.0-OpenSSH_9.6\r\n" * 3)
    peer.close()


def _broken_gzip(peer):
    peer.say(http(b"not gzip at all", headers=["Content-Encoding: gzip"]))


def _broken_chunk_length(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")


@pytest.mark.parametrize(
    "behave",
    [
        _nothing,
        _half_a_status_line,
        _half_a_body,
        _half_a_chunk,
        _reset_after_the_request,
        _reset_in_the_body,
        _flood_of_headers,
        _endless_header,
        _not_http,
        _broken_gzip,
        _broken_chunk_length,
    ],
)
def test_whatever_breaks_after_the_request_is_no_answer_and_the_call_is_not_repeated(
    transport, behave
):
    with Hostile(behave) as server:
        reply = transport.post(near(server.url), BODY)

        assert isinstance(reply, NoAnswer)
        assert reply.reason == BROKEN
        assert len(server.requests) == 1


def _hang(peer):
    peer.hang()


def _hang_in_the_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{")
    peer.hang()


def _drip_a_status_line(peer):
    peer.say(b"HTTP/1.1 200 ")
    peer.drip(b"O")


def _drip_headers(peer):
    peer.say(b"HTTP/1.1 200 OK\r\n")
    peer.drip(b"x")


def _drip_a_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    peer.drip(b" ")


def _drip_chunks(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.drip(b"1\r\n \r\n")


def _continue_for_ever(peer):
    peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    "behave",
    [
        _hang,
        _hang_in_the_body,
        _drip_a_status_line,
        _drip_headers,
        _drip_a_body,
        _drip_chunks,
        _continue_for_ever,
    ],
)
def test_an_answer_that_never_ends_is_given_up_however_it_drips(transport, behave):
    with Hostile(behave) as server:
        reply = transport.post(near(server.url, read_timeout=0.4), BODY)

    assert isinstance(reply, NoAnswer)
    assert reply.reason == "no complete answer came in time"


def test_a_connection_that_closed_while_idle_is_replaced_without_a_loss(transport):
    closed = threading.Event()

    def answer_and_close(peer):
        peer.say(http(YES))
        peer.close()
        closed.set()

    with Hostile(answer_and_close) as server:
        for _ in range(5):
            closed.clear()
            assert isinstance(transport.post(near(server.url), BODY), Answer)
            assert closed.wait(60)

        assert len(server.requests) == 5


def test_a_connection_that_closes_under_the_request_is_no_answer(transport):
    first = threading.Event()

    def answer_once(peer):
        if first.is_set():
            peer.close()
        else:
            first.set()
            peer.say(http(YES))

    with Hostile(answer_once) as server:
        replies = [transport.post(near(server.url), BODY) for _ in range(2)]

        assert isinstance(replies[1], NoAnswer)
        assert (server.connections, len(server.requests)) == (1, 2)


def post_after_a_reset(connection):
    connection.connect()
    assert wait_for_read(connection.sock, timeout=60)
    connection.request("POST", "/", body=BODY)


def test_a_first_byte_refused_by_our_own_kernel_was_never_sent():
    wire = Wire()

    with Hostile(None, on_accept=lambda peer: peer.reset()) as server:
        connection = Connection("127.0.0.1", server.port, timeout=60, wire=wire)
        # The reset may come while the connection is still being set up: the same refusal.
        with pytest.raises(NewConnectionError):
            post_after_a_reset(connection)
        connection.close()

    assert not wire.touched


SAYINGS = [
    http(YES),
    http(
        YES, headers=["Set-Cookie: a=b; expires=Wed, 99 Foo; Max-Age=zz", "Content-Encoding: gzip"]
    ),
    http(b"", status="302 Found", headers=["Location: http://[::1"]),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(YES, b"hello"),
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x; boundary=x\r\n\r\n--x",
    b"HTTP/1.0 101 Switching\r\n\r\n",
]
PIECES = [b"\r\n", b":", b"-1", b"\xff\x00", b"9" * 30, b"chunked", b"gzip", b"HTTP/1.1 ", b"\n"]


def garbled(chance):
    saying = bytearray(chance.choice(SAYINGS))
    for _ in range(chance.randint(0, 4)):
        at = chance.randint(0, len(saying))
        if chance.random() < 0.5:
            saying[at:at] = chance.choice(PIECES)
        else:
            del saying[at : at + chance.randint(1, 9)]
    return bytes(saying)


def test_nothing_a_server_says_makes_the_transport_raise_or_call_twice(transport):
    chance = random.Random(20261121)

    def behave(peer):
        peer.say(garbled(chance))
        peer.close()

    with Hostile(behave) as server:
        for calls in range(1, 301):
            reply = transport.post(near(server.url), BODY)

            assert isinstance(reply, Answer | NoAnswer)
            assert len(server.requests) <= calls
