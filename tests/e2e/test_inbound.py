"""The inbound webhook as mesibo meets it: a real `bulkhead api` and a real store."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from bulkhead.engine.embedded import EmbeddedStore
from producers.api.inbound_body import LARGEST
from tests.e2e.inbound_stand import APP, BODY_SECRET, Stand, delivery, is_ok, post


def test_get_head_and_post_are_answered_with_and_without_a_slash(stand):
    url = stand.url()

    for each in (url, f"{url}/"):
        assert is_ok(requests.get(each, timeout=30, allow_redirects=False))
        assert requests.head(each, timeout=30, allow_redirects=False).status_code == 200
        assert is_ok(post(each, allow_redirects=False))
    assert stand.counts is None


def test_a_push_result_is_kept_and_can_be_read(stand):
    assert is_ok(post(stand.url(), delivery(31)))

    (event,) = stand.events
    assert (event.id, event.what.address, event.what.ok) == (31, "ann@tenant.test", True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"events": 5, "v": "x"}', "application/json"),
        (b"[[]]", "text/plain"),
        (b"<html>", "text/html"),
        (b"\xff\xfe", ""),
        (b"uid=5&aid=7&from=ann&to=bot&e=16", "application/x-www-form-urlencoded"),
        (b"[" * 100_000, "application/json"),
        (b"x" * (LARGEST + 1), "application/json"),
        (b"x" * (9 << 20), "application/json"),
        (b'{"events":[' + b"{}," * 80_000 + b"{}]}", "application/json"),
    ],
    ids=range(9),
)
def test_whatever_comes_is_answered(stand, body, kind):
    assert is_ok(post(stand.url(), body, headers={"Content-Type": kind}))
    assert stand.counts is not None


def test_the_oldest_form_may_come_as_a_get(stand):
    query = {"uid": 5, "aid": 7, "from": "ann", "to": "bot", "e": 16, "secret": BODY_SECRET}

    assert is_ok(requests.get(stand.url(), params=query, timeout=30))

    (event,) = stand.events
    assert event.what.online is True
    assert BODY_SECRET not in repr(event)


def test_a_body_above_the_limit_is_counted_and_not_kept(stand):
    url = stand.url()
    fits = delivery(1, events=[{"type": "x", "text": "x" * (LARGEST - 500)}])

    post(url, fits)
    post(url, fits | {"id": 2, "more": "x" * 1_000})
    post(url, iter([b"x" * 100_000] * 4))

    assert [event.id for event in stand.events] == [1]
    assert stand.counts.refused["too_large"] == 2


def test_a_burst_is_answered_each_event_once_though_it_comes_twice(stand):
    url = stand.url()
    bodies = [delivery(number % 200) for number in range(400)]

    with ThreadPoolExecutor(32) as pool, requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))
        answers = list(pool.map(lambda body: session.post(url, json=body, timeout=30), bodies))

    slowest = max(answer.elapsed.total_seconds() for answer in answers)
    print(f"measured: 400 deliveries, 32 at once: slowest answer {1000 * slowest:.0f} ms")
    assert [answer.text for answer in answers if not is_ok(answer)] == []
    assert (stand.counts.received, stand.counts.repeated) == (200, 200)
    assert sorted(event.id for event in stand.events) == list(range(200))
    lines = [json.loads(line) for line in stand.api.stderr.splitlines()]
    loud = [line for line in lines if line["event"] == "inbound_received"]
    assert {line["level"] for line in loud} == {"debug"}


def test_a_path_that_is_nobodys_tells_nothing(stand):
    url = stand.url()
    strange = url[:-3] + "abc"

    answers = [post(strange, delivery(1)), requests.get(strange, timeout=30), post(strange + "/")]
    answers += [post(url + "/more"), post(stand.base + "/v1/inbound/mesibo/")]

    assert {answer.status_code for answer in answers} == {404}
    assert not [answer.text for answer in answers if strange[-20:-4] in answer.text]
    assert requests.put(url, timeout=30).status_code == 405
    assert stand.counts is None


def test_a_store_that_is_away_is_503_and_then_the_same_url_works_again(home, eventually):
    with EmbeddedStore.start(home) as store:
        stand = Stand(store, home)
        url = stand.url()
        assert is_ok(post(url, delivery(1)))
    with stand.api:
        away = post(url, delivery(2))
        alive = requests.get(f"{stand.base}/healthz", timeout=30)

        assert (away.status_code, alive.status_code) == (503, 200)
        assert away.headers["retry-after"]
        assert str(home) not in away.text
        assert eventually(lambda: stand.api.line("inbound_put_off"))
        with EmbeddedStore.start(home):
            eventually(lambda: is_ok(post(url, delivery(2))))
            assert [event.id for event in stand.events] == [1, 2]


def test_a_store_that_hangs_is_503_and_keeps_no_probe_waiting(home, eventually):
    with EmbeddedStore.start(home) as store:
        stand = Stand(store, home)
        url = stand.url()
        server = int((home / "store" / "server.pid").read_text())
        with stand.api:
            os.kill(server, signal.SIGSTOP)
            try:
                with ThreadPoolExecutor(16) as pool:
                    hung = list(pool.map(lambda n: post(url, delivery(n)), range(64)))
                    alive = requests.get(f"{stand.base}/healthz", timeout=30)
            finally:
                os.kill(server, signal.SIGCONT)

            assert {answer.status_code for answer in hung} == {503}
            slowest = max(answer.elapsed.total_seconds() for answer in hung)
            print(f"measured: a store that hangs: slowest answer {1000 * slowest:.0f} ms")
            assert alive.status_code == 200
            eventually(lambda: is_ok(post(url, delivery(99))))


def test_a_store_that_is_nearly_full_keeps_its_room_for_running_jobs(stand):
    url = stand.url()
    used = stand.redis.info("memory")["used_memory"]
    before = stand.redis.config_get("maxmemory")["maxmemory"]
    stand.redis.config_set("maxmemory", int(used * 1.1))
    try:
        full = post(url, delivery(1))
    finally:
        stand.redis.config_set("maxmemory", before)

    assert full.status_code == 503
    assert is_ok(post(url, delivery(1)))
    assert [event.id for event in stand.events] == [1]


def test_a_sender_that_never_sends_its_body_holds_up_nobody(stand):
    url = urlsplit(stand.url())
    head = f"POST {url.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()

    with socket.create_connection((url.hostname, url.port), timeout=30) as slow:
        slow.sendall(head + b"{")
        others = [post(url.geturl(), delivery(number)) for number in range(3)]
        told = slow.recv(4096)

    assert all(is_ok(answer) for answer in others)
    assert told.startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize("beginning", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nMore: "])
def test_a_stranger_whose_request_line_or_header_never_ends_is_cut_off(stand, beginning):
    with socket.create_connection(("127.0.0.1", stand.port), timeout=30) as endless:
        endless.sendall(beginning)

        with pytest.raises(ConnectionError):
            endless.sendall(b"x" * (32 << 20))

    assert is_ok(post(stand.url(), delivery(1)))


def test_what_is_no_request_is_refused_without_a_line_in_the_log(stand):
    before = stand.api.stderr
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    answers = []
    for words in (b"\0\1 no request\r\n\r\n", upgrade):
        with socket.create_connection(("127.0.0.1", stand.port), timeout=30) as stranger:
            stranger.sendall(words)
            answers.append(stranger.recv(64)[:12])

    assert answers == [b"HTTP/1.1 400", b"HTTP/1.1 404"]
    assert "library_message" not in stand.api.stderr.removeprefix(before)


def test_what_came_is_in_the_metrics_and_no_secret_is_anywhere(stand):
    url = stand.url()
    stand.typed("secret", APP, "--secret-file", "-", stdin=BODY_SECRET)
    for _ in range(2):
        post(url, delivery(1, v=1, secret=BODY_SECRET))
    post(url, delivery(2, secret="wrong"))
    post(url, b"<html>")
    requests.get(url, params={"uid": 5, "e": 16, "secret": BODY_SECRET}, timeout=30)
    post(url[:-1], delivery(3))

    text = requests.get(f"{stand.base}/metrics", timeout=30).text

    whose = 'app="acme/shop"'
    assert f'bulkhead_inbound_events_total{{{whose},tenant="acme"}} 2.0' in text
    assert f'bulkhead_inbound_repeats_total{{{whose},tenant="acme"}} 1.0' in text
    assert f'bulkhead_inbound_dropped_total{{{whose},tenant="acme"}} 0.0' in text
    for reason in ("wrong_secret", "unreadable"):
        line = f'bulkhead_inbound_refused_total{{{whose},reason="{reason}",tenant="acme"}} 1.0'
        assert line in text
    path = url.rpartition("/")[2]
    kept = repr([event.raw for event in stand.events])
    dumped = repr([stand.redis.dump(key) for key in stand.redis.scan_iter()])
    for secret in (path, path[:-1], BODY_SECRET):
        for place in (text, stand.api.stderr, stand.api.stdout, kept, dumped):
            assert secret not in place
