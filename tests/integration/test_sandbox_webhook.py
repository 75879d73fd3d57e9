"""What the sandbox tells an app's webhook."""

from __future__ import annotations

import json

from tests.fakes.hostile import Hostile, http
from tests.fakes.push_files import service_account, sha256
from tests.integration.sandbox_process import running, until


def events(server):
    """The documents that were posted to a webhook."""
    return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in list(server.requests)]


def acknowledging():
    return Hostile(lambda peer: peer.say(http(b"MESIBO OK")))


def test_a_test_is_told_to_the_webhook_in_the_common_envelope(sandbox):
    bad = service_account(key_id="bad")
    with acknowledging() as server:
        sandbox.register(webhook={"url": server.url}, bad_push=[sha256(bad)])
        uid = sandbox.add("ann")["user"]["uid"]
        for content in (None, service_account(), bad):
            if content is not None:
                sandbox.upload(content)
            sandbox.call("pushtest", push={"address": "ann"})
        until(lambda: sandbox.push()["webhook"], lambda n: n.get("acknowledged") == 3)
        told = sorted(events(server), key=lambda event: event["id"])

    assert [(event["server"], event["id"], event["v"]) for event in told] == [
        ("mesibo", number, 2) for number in (1, 2, 3)
    ]
    assert {event["aid"] for event in told} == {told[0]["aid"]}
    assert all(event["ts"] > 1_700_000_000_000 for event in told)
    pushes = [event["events"][0] for event in told]
    assert {push["type"] for push in pushes} == {"push"}
    assert [push["user"] for push in pushes] == [{"uid": uid, "address": "ann"}] * 3
    assert [
        tuple(push["push"][name] for name in ("service", "result", "code")) for push in pushes
    ] == [
        (None, False, 404),
        ("fcm", True, 200),
        ("fcm", False, 403),
    ]
    assert "secret" not in told[0]


def test_version_one_carries_the_secret_in_the_body_and_may_come_more_than_once(sandbox):
    with acknowledging() as server:
        hook = {"url": server.url, "v": 1, "secret": "hook-canary", "repeat": 2}
        sandbox.register(webhook=hook)
        sandbox.call("pushtest", push={"address": "ann"})
        until(lambda: sandbox.push()["webhook"], lambda n: n.get("acknowledged") == 2)
        first, second = events(server)

    assert first == second
    assert (first["v"], first["secret"]) == (1, "hook-canary")
    assert "canary" not in json.dumps(sandbox.control("GET", "apps")[1])


def test_a_silent_webhook_hears_nothing_and_a_late_one_hears_it_later(sandbox):
    with acknowledging() as server:
        for hook in ({"silent": True}, {"delay_s": 3600}, {"delay_s": 0.05}):
            sandbox.register(webhook={"url": server.url, **hook})
            sandbox.call("pushtest", push={"address": json.dumps(hook)})
        until(lambda: sandbox.push()["webhook"], lambda n: n.get("acknowledged") == 1)

        (told,) = events(server)
    assert told["events"][0]["user"]["address"] == '{"delay_s": 0.05}'


def test_a_webhook_that_answers_anything_else_has_not_acknowledged(sandbox):
    with Hostile(lambda peer: peer.say(http(b"<html>MESIBO OK</html>"))) as server:
        sandbox.register(webhook={"url": server.url})
        sandbox.call("pushtest", push={"address": "ann"})
        counts = until(lambda: sandbox.push()["webhook"], lambda n: n.get("posted") == 1)

    assert counts["acknowledged"] == 0


def test_a_webhook_that_hangs_delays_no_answer_and_no_end(sandbox):
    with running() as alone, Hostile(lambda peer: peer.hang()) as server:
        alone.register(tests_a_minute=100, webhook={"url": server.url})
        answers = [alone.call("pushtest", push={"address": "ann"}) for _ in range(50)]
        until(lambda: len(server.requests), lambda n: n == 4)

        assert all(answer["result"] for answer in answers)
        assert alone.push()["webhook"] == {}
        assert alone.stop() == 0
