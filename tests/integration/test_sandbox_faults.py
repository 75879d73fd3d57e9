"""Each fault, over a real socket, against a real sandbox process."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket

import pytest

from tests.integration.sandbox_process import DEADLINE_S, TOKEN

CALL = json.dumps({"op": "useradd", "id": 7, "token": TOKEN, "user": {"address": "ann"}})
WHOLE = b'{"op":"useradd","id":7,"result":true,"user":{"uid":90001,"address":"ann"}}'


def answer_under(sandbox, **rule):
    sandbox.faults(rule)
    return sandbox.send("POST", "/backend/", CALL)


def started(sandbox):
    """A connection on which the call has been sent, and nothing read."""
    link = socket.create_connection(("127.0.0.1", sandbox.port), DEADLINE_S)
    head = f"POST /backend/ HTTP/1.1\r\nHost: local\r\nContent-Length: {len(CALL)}\r\n\r\n"
    link.sendall((head + CALL).encode())
    return link


def committed(sandbox):
    return sandbox.received(token=TOKEN, summary=1)["committed"]


def test_without_faults_the_answer_is_whole(sandbox):
    assert sandbox.send("POST", "/backend/", CALL)[2] == WHOLE


@pytest.mark.parametrize("latency", [{"ms": 20}, {"median_ms": 5, "p99_ms": 20}])
def test_a_late_answer_is_whole_and_committed(sandbox, latency):
    assert answer_under(sandbox, fault="latency", **latency)[2] == WHOLE

    assert sandbox.outcomes() == ["ok"]


def test_a_late_answer_holds_up_nobody_else(sandbox):
    sandbox.faults({"fault": "latency", "ms": 3_600_000, "op": "useradd"})

    with started(sandbox) as late:
        assert sandbox.call("usersget", user={"address": "*"})["users"][0]["address"] == "ann"
        assert select.select([late], [], [], 0)[0] == []


def test_a_throttled_call_is_answered_429_and_not_carried_out(sandbox):
    status, headers, answer = answer_under(sandbox, fault="throttle", retry_after=3)

    assert (status, headers["Retry-After"]) == (429, "3")
    assert json.loads(answer)["result"] is False
    assert (sandbox.outcomes(), committed(sandbox)) == (["throttled"], 0)


def test_a_throttle_may_come_without_retry_after_or_with_another_status(sandbox):
    status, headers, _ = answer_under(sandbox, fault="throttle", status=503)

    assert (status, headers["Retry-After"]) == (503, None)


def test_a_throttle_may_be_a_word_in_a_logical_error(sandbox):
    status, _, answer = answer_under(sandbox, fault="throttle", word="SLOWDOWN")

    assert status == 200
    assert json.loads(answer) == {"op": "useradd", "id": 7, "result": False, "error": "SLOWDOWN"}


def test_an_unlisted_word_is_answered_as_given(sandbox):
    _, _, answer = answer_under(sandbox, fault="word", error="Ünheard of")

    assert json.loads(answer)["error"] == "Ünheard of"
    assert (sandbox.outcomes(), committed(sandbox)) == (["fault:word"], 0)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_has_the_status_asked_for(sandbox, status):
    assert answer_under(sandbox, fault="error5xx", status=status)[0] == status

    assert (sandbox.outcomes(), committed(sandbox)) == (["fault:error5xx"], 0)


@pytest.mark.parametrize("kind", ["error5xx", "html", "hang", "reset", "empty", "no_content"])
def test_a_rule_may_have_the_call_carried_out_before_it_goes_wrong(sandbox, kind):
    extra = {"s": 0} if kind == "hang" else {}
    with contextlib.suppress(ConnectionResetError):
        answer_under(sandbox, fault=kind, commit=True, **extra)

    assert sandbox.outcomes() == [f"committed:{kind}"]
    assert committed(sandbox) == 1


def test_an_html_page_takes_the_place_of_the_answer(sandbox):
    status, headers, answer = answer_under(sandbox, fault="html")

    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert answer.startswith(b"<!doctype html>")


def test_a_cut_answer_is_half_the_json(sandbox):
    assert answer_under(sandbox, fault="cut_json")[2] == WHOLE[: len(WHOLE) // 2]

    assert (sandbox.outcomes(), committed(sandbox)) == (["committed:cut_json"], 1)


def test_an_answer_cut_midway_closes_before_the_promised_length(sandbox):
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer_under(sandbox, fault="cut_json", midway=True)

    assert cut.value.partial == WHOLE[: len(WHOLE) // 2]


def test_a_dropped_answer_leaves_the_call_committed(sandbox):
    with pytest.raises(http.client.RemoteDisconnected):
        answer_under(sandbox, fault="drop_after_commit")

    assert (sandbox.outcomes(), committed(sandbox)) == (["committed:drop_after_commit"], 1)


def test_a_hanging_call_is_neither_answered_nor_carried_out(sandbox):
    sandbox.faults({"fault": "hang", "s": 3600, "op": "useradd"})

    with started(sandbox) as hanging:
        assert sandbox.call("usersget", user={"address": "*"})["users"] == []
        assert select.select([hanging], [], [], 0)[0] == []


def test_a_hanging_call_ends_by_a_closed_connection(sandbox):
    with pytest.raises(http.client.RemoteDisconnected):
        answer_under(sandbox, fault="hang", s=0.01)


def test_a_reset_is_a_reset_and_not_a_close(sandbox):
    sandbox.faults({"fault": "reset"})

    with started(sandbox) as link, pytest.raises(ConnectionResetError):
        link.recv(1)

    assert (sandbox.outcomes(), committed(sandbox)) == (["fault:reset"], 0)


def test_a_slow_body_comes_byte_by_byte_and_whole(sandbox):
    assert answer_under(sandbox, fault="slow_body", ms=0.1)[2] == WHOLE

    sandbox.faults({"fault": "slow_body", "ms": 3_600_000})
    with started(sandbox) as link:
        heard = b""
        while not heard.endswith(b"\r\n\r\n{"):
            heard += link.recv(1)
        assert select.select([link], [], [], 0)[0] == []


def test_an_old_style_answer_has_one_for_true_and_texts_for_numbers(sandbox):
    answer = json.loads(answer_under(sandbox, fault="result_one")[2])

    assert answer["result"] == 1
    assert answer["result"] is not True
    assert answer["user"]["uid"] == "90001"
    assert sandbox.outcomes() == ["ok"]


def test_an_empty_answer_is_a_200_with_no_byte(sandbox):
    status, headers, answer = answer_under(sandbox, fault="empty")

    assert (status, headers["Content-Length"], answer) == (200, "0", b"")


def test_a_204_has_no_body(sandbox):
    status, headers, answer = answer_under(sandbox, fault="no_content")

    assert (status, headers["Content-Length"], answer) == (204, None, b"")


def test_a_redirect_names_its_location(sandbox):
    where = "http://127.0.0.1:9/elsewhere"

    status, headers, _ = answer_under(sandbox, fault="redirect", location=where, status=307)

    assert (status, headers["Location"]) == (307, where)


def test_a_big_body_is_json_of_the_size_asked_for(sandbox):
    answer = answer_under(sandbox, fault="big_body", bytes=3_000_001)[2]

    assert len(json.loads(answer)["padding"]) == 3_000_001
