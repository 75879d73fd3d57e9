"""What the transport says of every way a call can go wrong, on real sockets."""

import gzip
import random
import socket
import threading

import pytest
from urllib3.exceptions import NewConnectionError
from urllib3.util.wait import wait_for_read

from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.transport import Answer, NoAnswer, NotSent, Transport
from bulkhead.backend.wire import Connection, Wire
from tests.fakes.certificate import private_authority
from tests.fakes.hostile import Hostile, http
from tests.fakes.proxy import Proxy

YES = b'{"result":true}'
BODY = b'{"op":"useradd","token":"canary-token-0123456789"}'


@pytest.fixture
def transport():
    transport = Transport()
    yield transport
    transport.close()


def near(url, **settings):
    return Endpoint(url, **{"connect_timeout": 2.0, "read_timeout": 5.0, **settings})


def chunked(*pieces):
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


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


def test_every_thread_keeps_its_own_connection(transport):
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

        assert (server.connections, len(server.requests)) == (4, 40)


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
        assert len(server.requests) == 1


def _hang(peer):
    peer.hang()


def _hang_in_the_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{")
    peer.hang()


def _drip_a_status_line(peer):
    peer.drip(b"H")


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
            assert closed.wait(10)

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


def test_a_first_byte_refused_by_our_own_kernel_was_never_sent():
    wire = Wire()

    with Hostile(None, on_accept=lambda peer: peer.reset()) as server:
        connection = Connection("127.0.0.1", server.port, timeout=5, wire=wire)
        connection.connect()
        assert wait_for_read(connection.sock, timeout=10)
        with pytest.raises(NewConnectionError):
            connection.request("POST", "/", body=BODY)
        connection.close()

    assert not wire.touched


def test_a_refused_connection_was_never_sent(transport):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    reply = transport.post(near(f"http://127.0.0.1:{port}/"), BODY)

    assert isinstance(reply, NotSent)
    assert reply.kind == "refused"


def test_a_call_that_left_says_nothing_about_the_next_one(transport):
    def answer_for_the_last_time(peer):
        peer.say(http(YES, headers=["Connection: close"]))

    with Hostile(answer_for_the_last_time) as server:
        first = transport.post(near(server.url), BODY)
    second = transport.post(near(server.url), BODY)

    assert (type(first), type(second)) == (Answer, NotSent)


def test_a_name_that_does_not_exist_was_never_sent(transport):
    reply = transport.post(near("https://backend.invalid/"), BODY)

    assert isinstance(reply, NotSent)
    assert reply.kind == "dns"


def test_a_connection_not_accepted_in_time_was_never_sent(transport):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        reply = transport.post(near(url, connect_timeout=0.3), BODY)
        for sock in waiting:
            sock.close()

    assert isinstance(reply, NotSent)
    assert reply.kind == "timeout"


def test_a_private_authority_is_believed_where_it_is_named(transport, tmp_path):
    ca_file, tls = private_authority(tmp_path)

    with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
        replies = [transport.post(near(server.url, ca_file=ca_file), BODY) for _ in range(3)]

        assert [reply.body for reply in replies] == [YES] * 3
        assert server.connections == 1


def test_a_certificate_nobody_vouches_for_is_refused_before_the_token_is_sent(transport, tmp_path):
    _, tls = private_authority(tmp_path)

    with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
        reply = transport.post(near(server.url), BODY)

        assert isinstance(reply, NotSent)
        assert reply.kind == "tls"
        assert server.requests == []


def test_a_certificate_for_another_host_is_refused(transport, tmp_path):
    ca_file, tls = private_authority(tmp_path, address="127.0.0.2")

    with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
        reply = transport.post(near(server.url, ca_file=ca_file), BODY)

        assert (reply.kind, server.requests) == ("tls", [])


def test_a_missing_authority_file_is_a_tls_failure_not_an_exception(transport, tmp_path):
    endpoint = near("https://127.0.0.1:9/", ca_file=str(tmp_path / "none.pem"))

    reply = transport.post(endpoint, BODY)

    assert (type(reply), reply.kind) == (NotSent, "tls")


def test_plain_http_behind_an_https_url_was_never_sent(transport):
    with Hostile(None, on_accept=lambda peer: peer.say(http(YES))) as server:
        reply = transport.post(near(server.url.replace("http:", "https:")), BODY)

    assert (type(reply), reply.kind) == (NotSent, "tls")


def test_a_tls_handshake_that_hangs_was_never_sent(transport):
    with Hostile(None, on_accept=lambda peer: peer.hang()) as server:
        url = server.url.replace("http:", "https:")
        reply = transport.post(near(url, connect_timeout=0.3), BODY)

    assert (type(reply), reply.kind) == (NotSent, "timeout")


@pytest.mark.parametrize("behave", [_hang, _drip_a_body, _drip_headers])
def test_the_deadline_holds_over_tls(transport, tmp_path, behave):
    ca_file, tls = private_authority(tmp_path)

    with Hostile(behave, tls=tls) as server:
        reply = transport.post(near(server.url, ca_file=ca_file, read_timeout=0.4), BODY)

    assert isinstance(reply, NoAnswer)


def test_the_proxy_of_the_endpoint_is_used_for_both_schemes(transport, tmp_path):
    ca_file, tls = private_authority(tmp_path)

    with Proxy() as proxy:
        with Hostile(lambda peer: peer.say(http(YES))) as server:
            plain = transport.post(near(server.url, proxy=proxy.url), BODY)
            assert proxy.asked == [("POST", server.url)]
        with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
            secure = transport.post(near(server.url, proxy=proxy.url, ca_file=ca_file), BODY)
            assert proxy.asked[1:] == [("CONNECT", f"127.0.0.1:{server.port}")]

    assert (plain.body, secure.body) == (YES, YES)


def test_the_deadline_holds_through_a_proxy(transport, tmp_path):
    ca_file, tls = private_authority(tmp_path)

    with Proxy() as proxy, Hostile(_drip_a_body, tls=tls) as server:
        endpoint = near(server.url, proxy=proxy.url, ca_file=ca_file, read_timeout=0.4)
        reply = transport.post(endpoint, BODY)

    assert isinstance(reply, NoAnswer)


def test_a_proxy_that_refuses_the_way_means_never_sent(transport):
    with Proxy(refuse=True) as proxy:
        reply = transport.post(near("https://127.0.0.1:9/", proxy=proxy.url), BODY)

        assert proxy.asked == [("CONNECT", "127.0.0.1:9")]
    assert (type(reply), reply.kind) == (NotSent, "proxy")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_means_never_sent(transport, scheme):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"

    reply = transport.post(near(f"{scheme}://127.0.0.1:9/", proxy=gone), BODY)

    assert (type(reply), reply.kind) == (NotSent, "proxy")


def test_proxies_authorities_and_logins_of_the_environment_are_ignored(
    transport, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        reply = transport.post(near(server.url), BODY)

    assert reply.body == YES
    assert b"Authorization" not in server.requests[0]


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
