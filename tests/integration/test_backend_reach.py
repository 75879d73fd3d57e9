"""What is said of a call that never left: names, refusals, TLS and proxies."""

import socket

import pytest

from bulkhead.backend.reply import Answer, NoAnswer, NotSent
from tests.e2e.product import free_port
from tests.fakes.certificate import private_authority
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, near
from tests.fakes.proxy import Proxy


def _hang(peer):
    peer.hang()


def _drip_headers(peer):
    peer.say(b"HTTP/1.1 200 OK\r\n")
    peer.drip(b"x")


def _drip_a_body(peer):
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    peer.drip(b" ")


def test_a_refused_connection_was_never_sent(transport):
    reply = transport.post(near(f"http://127.0.0.1:{free_port()}/"), BODY)

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


def test_the_proxy_of_the_endpoint_is_used_for_both_schemes(stock, tmp_path):
    ca_file, tls = private_authority(tmp_path)

    with Proxy() as proxy:
        with Hostile(lambda peer: peer.say(http(YES))) as server:
            plain = stock.post(near(server.url, proxy=proxy.url), BODY)
            assert proxy.asked == [("POST", server.url)]
        with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
            secure = stock.post(near(server.url, proxy=proxy.url, ca_file=ca_file), BODY)
            assert proxy.asked[1:] == [("CONNECT", f"127.0.0.1:{server.port}")]

    assert (plain.body, secure.body) == (YES, YES)


def test_the_deadline_holds_through_a_proxy(stock, tmp_path):
    ca_file, tls = private_authority(tmp_path)

    with Proxy() as proxy, Hostile(_drip_a_body, tls=tls) as server:
        endpoint = near(server.url, proxy=proxy.url, ca_file=ca_file, read_timeout=0.4)
        reply = stock.post(endpoint, BODY)

    assert isinstance(reply, NoAnswer)


def test_a_proxy_that_refuses_the_way_means_never_sent(stock):
    with Proxy(refuse=True) as proxy:
        reply = stock.post(near("https://127.0.0.1:9/", proxy=proxy.url), BODY)

        assert proxy.asked == [("CONNECT", "127.0.0.1:9")]
    assert (type(reply), reply.kind) == (NotSent, "proxy")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_means_never_sent(stock, scheme):
    gone = f"http://127.0.0.1:{free_port()}"

    reply = stock.post(near(f"{scheme}://127.0.0.1:9/", proxy=gone), BODY)

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
