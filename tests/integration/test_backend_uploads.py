"""A file on the wire, by both transports."""

import logging
import threading

import pytest

from bulkhead.backend.client import Backend
from bulkhead.backend.push import pushupload
from bulkhead.backend.reply import Answer, NoAnswer
from bulkhead.backend.words import Words
from bulkhead.model.outcome import Done, Refused, Retry
from bulkhead.secrets import Secret, SecretBytes
from tests.fakes.certificate import private_authority
from tests.fakes.hostile import Hostile, http
from tests.fakes.near import BODY, YES, near
from tests.fakes.proxy import Proxy

TOKEN = Secret("k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e")
FILE = bytes(range(256)) * 10 + b"\r\n--\r\ncanary-of-the-file"
UPLOAD = pushupload(SecretBytes(FILE), "push.p12")
BACKEND = Backend(Words(), clock=lambda: 0.0)


def outcome(transport, endpoint, call=UPLOAD):
    body = BACKEND.body(endpoint, TOKEN, call)
    if isinstance(body, Refused):
        return body
    return BACKEND.judge(call, TOKEN, transport.post(endpoint, body))


def test_a_form_arrives_as_it_was_written_with_the_type_that_names_its_boundary(transport):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        endpoint = near(server.url)
        form = BACKEND.body(endpoint, TOKEN, UPLOAD)
        reply = transport.post(endpoint, form)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert (reply.status, reply.body) == (200, YES)
    assert lines[0] == b"POST /backend/ HTTP/1.1"
    assert [line for line in lines if line.lower().startswith(b"content-type")] == [
        b"Content-Type: " + form.content_type.encode()
    ]
    assert b"Content-Length: %d" % len(form) in lines
    assert body == form.content
    assert body.count(FILE) == 1


def test_a_call_after_an_upload_is_json_again_over_the_same_connection(transport):
    with Hostile(lambda peer: peer.say(http(YES))) as server:
        endpoint = near(server.url)
        for body in (BODY, BACKEND.body(endpoint, TOKEN, UPLOAD), BODY):
            transport.post(endpoint, body)

        first, second, third = server.requests
    assert server.connections == 1
    assert first == third
    assert (b"application/json\r\n" in first, b"Type: multipart/form-data;" in second) == (
        True,
    ) * 2


def test_a_megabyte_goes_through_byte_for_byte(transport):
    large = bytes(range(256)) * 4096

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        done = outcome(transport, near(server.url), pushupload(SecretBytes(large), "a.p12"))

    assert isinstance(done, Done)
    assert server.requests[0].count(large) == 1


def test_a_form_goes_over_tls_as_it_was_written(transport, tmp_path):
    ca_file, tls = private_authority(tmp_path)
    large = pushupload(SecretBytes(bytes(range(256)) * 4096), "a.p12")

    with Hostile(lambda peer: peer.say(http(YES)), tls=tls) as server:
        endpoint = near(server.url, ca_file=ca_file)
        form = BACKEND.body(endpoint, TOKEN, large)
        reply = transport.post(endpoint, form)

    assert reply.body == YES
    assert server.requests[0].endswith(b"\r\n\r\n" + form.content)


def test_a_form_goes_through_a_proxy(stock):
    with Proxy() as proxy, Hostile(lambda peer: peer.say(http(YES))) as server:
        done = outcome(stock, near(server.url, proxy=proxy.url))

    assert isinstance(done, Done)
    assert FILE in server.requests[0]


def test_a_form_that_never_left_is_tried_again(transport):
    found = outcome(transport, near("http://127.0.0.1:9/"))

    assert (type(found), found.code) == (Retry, "BACKEND_UNREACHABLE")


def test_an_answer_that_is_lost_leaves_an_upload_to_be_repeated(transport):
    with Hostile(lambda peer: peer.close()) as server:
        endpoint = near(server.url)
        reply = transport.post(endpoint, BACKEND.body(endpoint, TOKEN, UPLOAD))

    assert isinstance(reply, NoAnswer)
    assert isinstance(BACKEND.judge(UPLOAD, TOKEN, reply), Retry)


def test_a_page_in_answer_to_a_form_is_unusable(transport):
    with Hostile(lambda peer: peer.say(http(b"<html>no</html>"))) as server:
        found = outcome(transport, near(server.url))

    assert (type(found), found.code) == (Retry, "UNUSABLE_ANSWER")


def test_a_form_too_large_for_an_on_premise_backend_is_never_sent(transport):
    call = pushupload(SecretBytes(bytes(8_192)), "a.p12")

    with Hostile(lambda peer: peer.say(http(YES))) as server:
        refused = outcome(transport, near(server.url, edition="onprem"), call)
        sent = outcome(transport, near(server.url), call)

        assert len(server.requests) == 1
    assert (refused.code, type(sent)) == ("BODY_TOO_LARGE", Done)


def test_a_refusal_before_the_file_was_read_is_an_answer(transport):
    """nginx answers 413 on the length alone, and reads on so that its answer is seen."""
    over = threading.Event()

    def refuse(peer):
        peer.say(http(b"<html>413</html>", status="413 Large", headers=["Connection: close"]))
        over.wait(60)

    with Hostile(None, on_accept=refuse) as server:
        endpoint = near(server.url)
        reply = transport.post(endpoint, BACKEND.body(endpoint, TOKEN, UPLOAD))
        over.set()

    assert isinstance(reply, Answer)
    assert BACKEND.judge(UPLOAD, TOKEN, reply).code == "BODY_TOO_LARGE"


@pytest.mark.parametrize(
    "answer",
    [
        http(b'{"result":false,"error":"BAD canary-of-the-file"}'),
        http(b'{"result":false,"error":"BAD %s"}' % TOKEN.reveal().encode()),
        http(b"<html>canary-of-the-file</html>"),
        b"HTTP/1.1 canary-of-the-file\r\n\r\n",
        b"",
    ],
)
def test_neither_token_nor_file_is_in_an_outcome_or_a_log_line(transport, caplog, answer):
    def behave(peer):
        peer.say(answer)
        peer.close()

    caplog.set_level(logging.DEBUG)
    with Hostile(behave) as server:
        found = outcome(transport, near(server.url))

    assert "canary" not in repr(found) + caplog.text
