"""How every kind of answer is read, on real sockets."""

import gzip
import threading

import pytest

from bulkhead.backend.reply import Answer
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, chunked, near


def test_the_body_arrives_as_it_was_given_in_one_post(transport):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply = transport.post(near(server.url), BODY)

    assert (reply.status, reply.body) == (200, YES)
    (request,) = server.requests
    assert request.startswith(b"POST /backend/ HTTP/1.1\r\n")
    assert b"Content-Type: application/json\r\n" in request
    assert request.endswith(b"\r\n\r\n" + BODY)


def test_calls_of_one_thread_share_a_connection(transport):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        replies = [transport.post(near(server.url), BODY) for _ in range(20)]

        assert all(isinstance(reply, Answer) for reply in replies)
        assert (server.connections, len(server.requests)) == (1, 20)


def test_no_more_connections_are_opened_than_threads_call(transport):
    started = threading.Barrier(4)

    def work():
        started.wait(10)
        for _ in range(10):
            transport.post(near(server.url), BODY)

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert server.connections <= 4
        assert len(server.requests) == 40


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b'{"result"', b":true}"),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 15\r\n\r\n" + YES,
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(YES),
        http(gzip.compress(YES), headers=["Content-Encoding: gzip"]),
    ],
    ids=["chunked", "connection-close", "continue", "gzip"],
)
def test_a_proper_answer_in_any_dress_is_read(transport, answer):
    with Hostile(lambda peer: peer.say(answer)) as server:
        replies = [transport.post(near(server.url), BODY) for _ in range(2)]

    assert [reply.body for reply in replies] == [YES, YES]


def test_headers_that_arrive_byte_by_byte_are_read(transport):
    def in_bytes(peer):
        peer.say(*(bytes([byte]) for byte in http(YES)))

    with Hostile(in_bytes) as server:
        reply = transport.post(near(server.url), BODY)

    assert reply.body == YES


def test_an_answer_without_a_length_ends_with_its_connection(transport):
    def until_closed(peer):
        peer.say(b"HTTP/1.1 200 OK\r\n\r\n" + YES)
        peer.close()

    with Hostile(until_closed) as server:
        reply = transport.post(near(server.url), BODY)

    assert reply.body == YES


def test_an_answer_of_a_hundred_megabytes_is_dropped_and_its_connection_closed(transport):
    sent = []

    def flood(peer):
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(100):
            peer.say(b" " * 1_000_000)
            sent.append(1)

    with Hostile(flood) as server:
        reply = transport.post(near(server.url), BODY)
        transport.post(near(server.url), BODY)

        assert (reply.status, reply.body, reply.whole) == (200, b"", False)
        assert server.connections == 2
    assert len(sent) < 50


def test_a_small_answer_that_unpacks_to_gigabytes_is_dropped(transport):
    bomb = gzip.compress(bytes(50_000_000))

    with Hostile(lambda p: p.say(http(bomb, headers=["Content-Encoding: gzip"]))) as server:
        reply = transport.post(near(server.url), BODY)

    assert (reply.body, reply.whole) == (b"", False)


def test_a_redirect_is_an_answer_and_nobody_else_sees_the_token(transport):
    with Hostile(lambda peer: peer.say(http(YES))) as elsewhere:
        location = f"Location: {elsewhere.url}"
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temp", "308 Perm"):
            answer = http(b"", status=status, headers=[location])
            with Hostile(lambda peer, answer=answer: peer.say(answer)) as server:
                reply = transport.post(near(server.url), BODY)

            assert reply.status == int(status[:3])
        assert elsewhere.requests == []


def test_the_body_of_a_redirect_is_limited_too(transport):
    def flood(peer):
        peer.say(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 100000000\r\n\r\n")
        peer.drip(b" " * 1_000_000, every=0)

    with Hostile(flood) as server:
        reply = transport.post(near(server.url), BODY)

    assert (reply.status, reply.whole) == (302, False)


def test_cookies_are_not_sent_back(transport):
    answer = http(YES, headers=["Set-Cookie: a=b; Path=/"])

    with Hostile(lambda peer: peer.say(answer)) as server:
        for _ in range(2):
            transport.post(near(server.url), BODY)

    assert not any(b"Cookie" in request for request in server.requests)


def test_a_wish_to_wait_is_handed_on(transport):
    answer = http(b"", status="429 Slow", headers=["Retry-After: 7"])

    with Hostile(lambda peer: peer.say(answer)) as server:
        reply = transport.post(near(server.url), BODY)

    assert (reply.status, reply.retry_after) == (429, "7")
