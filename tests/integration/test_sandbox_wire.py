"""How the sandbox speaks HTTP: kept connections, pipelines, and what is not HTTP at all."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from tests.integration.sandbox_process import DEADLINE_S, TOKEN


@pytest.fixture
def link(sandbox):
    with socket.create_connection(("127.0.0.1", sandbox.port), DEADLINE_S) as link:
        yield link


def body(n):
    return json.dumps({"op": "useradd", "id": n, "token": TOKEN, "user": {"address": f"u{n}"}})


def posted(n, *headers):
    lines = ["POST /backend/ HTTP/1.1", "Host: local", f"Content-Length: {len(body(n))}"]
    return "\r\n".join([*lines, *headers, "", body(n)]).encode()


def everything(link):
    heard = b""
    while piece := link.recv(65_536):
        heard += piece
    return heard


def test_one_connection_carries_many_calls(sandbox):
    link = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=DEADLINE_S)
    ids = []
    for n in range(5):
        link.request("POST", "/backend/", body(n))
        ids.append(json.loads(link.getresponse().read())["id"])
    link.close()

    assert ids == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("fault", [None, {"fault": "latency", "ms": 1, "every": 2}])
def test_pipelined_calls_are_answered_in_order(sandbox, link, fault):
    if fault:
        sandbox.faults(fault)

    link.sendall(b"".join(posted(n) for n in range(199)) + posted(199, "Connection: close"))

    answers = [part.split(b"\r\n\r\n")[1] for part in everything(link).split(b"HTTP/1.1")[1:]]
    assert [json.loads(answer)["id"] for answer in answers] == list(range(200))


def test_connection_close_is_honoured(link):
    link.sendall(posted(1, "Connection: close"))

    assert b"Connection: close\r\n" in everything(link)


def test_a_request_in_small_pieces_and_in_chunks_is_understood(link):
    whole = body(1).encode()
    head = b"POST /backend/ HTTP/1.1\r\nHost: local\r\nTransfer-Encoding: chunked\r\n"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(whole), whole)
    for byte in head + b"Connection: close\r\n\r\n" + chunk:
        link.sendall(bytes([byte]))

    assert b'"result":true' in everything(link)


def test_a_client_that_waits_for_leave_to_send_gets_it(link):
    head, _, rest = posted(1, "Expect: 100-continue", "Connection: close").partition(b"\r\n\r\n")

    link.sendall(head + b"\r\n\r\n")
    leave = link.recv(65_536)
    link.sendall(rest)

    assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert b'"result":true' in everything(link)


@pytest.mark.parametrize("size", [8 * 1024 * 1024 + 1, 100_000_000])
def test_a_huge_body_is_refused_unread(sandbox, size):
    status, headers, _ = sandbox.send("POST", "/backend/", b"x" * size)

    assert (status, headers["Connection"]) == (413, "close")
    assert [item["outcome"] for item in sandbox.received()["items"]] == ["TOOLARGE"]


def test_a_huge_body_without_a_length_is_refused_too(sandbox):
    status, _, _ = sandbox.send("POST", "/backend/", (b"x" * 1_000_000 for _ in range(20)))

    assert status == 413


def test_what_is_not_http_is_refused_and_the_sandbox_goes_on(sandbox, link):
    link.sendall(b"\x16\x03\x01 hello\r\n\r\n")

    assert link.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert sandbox.add()["result"] is True


def test_a_client_that_leaves_in_the_middle_harms_nobody(sandbox):
    with socket.create_connection(("127.0.0.1", sandbox.port), DEADLINE_S) as gone:
        gone.sendall(posted(1)[:-10])

    assert sandbox.add()["result"] is True
    assert sandbox.received(token=TOKEN)["count"] == 1


def test_only_post_is_served_and_only_on_known_paths(sandbox):
    assert sandbox.send("GET", "/backend/")[0] == 405
    assert sandbox.send("POST", "/elsewhere", "{}")[0] == 404
