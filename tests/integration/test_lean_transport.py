"""What only the transport of the caller's thread promises."""

import gzip
import socket
import threading
from queue import SimpleQueue

import pytest

from bulkhead.backend.lean import LeanTransport
from bulkhead.backend.reply import Answer, NotSent, Withheld
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, near


def asked(lean, endpoint, **options):
    """What is said of one call made in the caller's thread."""
    heard = SimpleQueue()
    lean._caller.soon(lambda: lean.send(endpoint, BODY, heard.put, **options))
    return heard.get(timeout=120)


def test_calls_that_overlap_have_a_connection_each_and_hang_nobody_else(lean):
    gate = threading.Event()

    def behave(peer):
        if b"slow" in peer.request:
            gate.wait(60)
        peer.say(http(YES))

    heard = SimpleQueue()
    with Hostile(behave) as server:
        endpoint = near(server.url)
        lean._caller.soon(lambda: [lean.send(endpoint, b'"slow"', heard.put) for _ in range(20)])
        quick = lean.post(endpoint, BODY)
        hung = heard.empty()
        gate.set()
        slow = [heard.get(timeout=120) for _ in range(20)]

    assert (quick.body, hung) == (YES, True)
    assert all(isinstance(reply, Answer) for reply in slow)


def test_a_call_whose_time_is_over_when_the_way_is_open_never_leaves(lean):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        endpoint = near(server.url)
        withheld = asked(lean, endpoint, may_go=lambda: False)
        after = lean.post(endpoint, BODY)

        assert isinstance(withheld, Withheld)
        # The way stays open: the next call has it at once.
        assert (after.body, server.connections, len(server.requests)) == (YES, 1, 1)


def test_a_kept_connection_that_says_something_unasked_is_not_used_again(lean):
    said = threading.Event()

    def behave(peer):
        peer.say(http(YES))
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
        said.set()

    with Hostile(behave) as server:
        replies = []
        for _ in range(3):
            said.clear()
            replies.append(lean.post(near(server.url), BODY).body)
            assert said.wait(60)

    assert replies == [YES] * 3


def test_a_first_byte_refused_by_our_own_kernel_was_never_sent(lean):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        endpoint = near(server.url)
        lean.post(endpoint, BODY)
        # As if the other side's reset came between the look and the first byte.
        (connection,) = lean._all
        connection._sock.shutdown(socket.SHUT_WR)
        connection.fit = lambda: True
        reply = asked(lean, endpoint)

        assert isinstance(reply, NotSent)
        assert len(server.requests) == 1


def test_a_large_body_leaves_whole(lean):
    body = b'"' + b"x" * 8_000_000 + b'"'

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply = lean.post(near(server.url), body)

        assert reply.body == YES
        assert server.requests[0].endswith(body)


def test_an_answer_packed_in_two_parts_is_one(lean):
    packed = gzip.compress(b'{"result":') + gzip.compress(b"true}")

    with Hostile(lambda p: p.say(http(packed, headers=["Content-Encoding: gzip"]))) as server:
        reply = lean.post(near(server.url), BODY)

    assert reply.body == YES


def test_a_name_that_takes_long_to_resolve_delays_nobody_else(lean, monkeypatch):
    gate = threading.Event()
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        if host == "slow.example":
            gate.wait(60)
            raise socket.gaierror("no such name")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    heard = SimpleQueue()
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        slow = near("https://slow.example/")
        lean._caller.soon(lambda: lean.send(slow, BODY, heard.put))
        quick = lean.post(near(server.url.replace("127.0.0.1", "localhost")), BODY)
        waiting = heard.empty()
        gate.set()
        said = heard.get(timeout=120)

    assert (quick.body, waiting, said.kind) == (YES, True, "dns")


@pytest.mark.parametrize("url", ["https://ünï.example/", "https://api.example.com/ä/"])
def test_what_needs_translation_goes_the_stock_way(url):
    assert not LeanTransport(None).serves(near(url))


def test_a_proxy_is_the_stock_ways(lean):
    assert not lean.serves(near("https://api.example.com/", proxy="http://127.0.0.1:9"))
    assert lean.serves(near("https://api.example.com/"))
