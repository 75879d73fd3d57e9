"""The inbound webhook as mesibo and a person meet it: `bulkhead api`, and `bulkhead webhooks`."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from bulkhead import api_address
from bulkhead.engine.audit import Audit
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.inbound import InboundEvents, inbound_counts
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from producers.api.inbound_body import LARGEST
from tests.command import KEY, Running, environment, in_process
from tests.e2e.product import until

APP = "acme/shop"
BODY_SECRET = "canary-of-the-body-0123456789"
PUSH = {"type": "push", "user": {"address": "ann@tenant.test"}, "push": {"result": True}}


class Stand:
    """A store with one app, an API in front of it, and a person at a keyboard."""

    def __init__(self, store, folder, **settings):
        self.store = store
        self.settings = {"redis_url": store.url, "secret_key": KEY, "home": folder, **settings}
        self.api = Running(folder, "api", "--port", "0", log_level="DEBUG", **self.settings)
        self.port = until(lambda: self.api.line("api_started"))["port"]
        self.base = f"http://127.0.0.1:{self.port}"
        self.empty()

    def empty(self):
        self.redis = connect(self.store.url)
        self.redis.flushall()
        self.scripts = Scripts(self.redis)
        fleet = Fleet(self.scripts)
        fleet.add_tenant("acme")
        fleet.add_app(APP, AppSettings("http://127.0.0.1:1/"), SealedToken("box", "oken", "f00d"))

    def typed(self, *words, stdin="", **settings):
        environ = environment(**{**self.settings, **settings})
        return in_process(("webhooks", "inbound", *words), environ, stdin)

    def url(self, *words, **settings):
        """The URL that a command prints: without a public one, at the API's port here."""
        done = self.typed(*(words or ("show", APP)), "-o", "json", **settings)
        assert done.returncode == 0, done
        url = json.loads(done.stdout)["url"]
        assert url.startswith(self.base)
        return url

    @property
    def counts(self):
        return next(iter(inbound_counts(self.scripts, [APP])), None)

    @property
    def events(self):
        return [received.event for received in InboundEvents(self.scripts).events(APP)]


@pytest.fixture(scope="module")
def _one(store_server, tmp_path_factory):
    stand = Stand(store_server, tmp_path_factory.mktemp("inbound"))
    yield stand
    stand.api.__exit__()


@pytest.fixture
def stand(_one):
    _one.empty()
    return _one


def delivery(number, **members):
    body = {"server": "mesibo", "id": number, "v": 2, "aid": 7, "ts": 1790000000000}
    return body | {"events": [PUSH]} | members


def post(url, body=b"", **options):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    return requests.post(url, data=body, timeout=30, **options)


def is_ok(answer):
    kind = answer.headers["content-type"].split(";")[0]
    return (answer.status_code, kind, answer.text) == (200, "text/plain", "MESIBO OK")


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


def test_a_body_without_the_wanted_secret_is_answered_and_not_believed(stand):
    url = stand.url()
    done = stand.typed("secret", APP, "--secret-file", "-", "-o", "json", stdin=BODY_SECRET)

    wrong = post(url, delivery(1, v=1, secret=BODY_SECRET[:-1]))
    none = post(url, delivery(2))
    right = post(url, delivery(3, v=1, secret=BODY_SECRET))
    stand.typed("secret", APP, "--none")
    freed = post(url, delivery(4))

    assert json.loads(done.stdout) == {"app": APP, "body_secret": True}
    assert all(is_ok(answer) for answer in (wrong, none, right, freed))
    assert [event.id for event in stand.events] == [3, 4]
    assert (stand.counts.refused["wrong_secret"], stand.counts.refused["no_secret"]) == (1, 1)
    assert until(lambda: stand.api.line("inbound_refused"))["app"] == APP


def test_the_old_url_ends_with_a_rotation_which_is_on_the_audit(stand):
    old = stand.url()

    declined = stand.typed("rotate", APP)
    new = stand.url("rotate", APP, "--yes")

    assert declined.returncode == 6
    assert post(old, delivery(1)).status_code == 404
    assert is_ok(post(new, delivery(1)))
    assert stand.url() == new
    entries = [(entry.action, entry.about) for entry in Audit(stand.scripts).entries()]
    about = {"app": APP, "grace": "0"}
    assert entries == [("inbound.issued", {"app": APP}), ("inbound.rotated", about)]


def test_with_a_grace_both_urls_are_answered(stand):
    old = stand.url()

    new = stand.url("rotate", APP, "--grace", "10m", "--yes")

    assert is_ok(post(old, delivery(1)))
    assert is_ok(post(new, delivery(2)))


def test_what_is_shown_is_the_url_to_paste_and_how_to_test_it(stand):
    public = stand.typed("show", APP, "-o", "json", public_url="https://hooks.example.com/b/")
    local = stand.typed("show", APP, "-o", "json")
    plain = stand.typed("show", APP, "-o", "json", public_url="http://10.0.0.5")

    document = json.loads(public.stdout)
    assert document["app"] == APP
    assert document["url"].startswith("https://hooks.example.com/b/v1/inbound/mesibo/")
    assert len(document["url"].rpartition("/")[2]) >= 43
    assert "curl" in public.stderr
    assert "note" not in public.stderr
    assert "only HTTPS with a valid host name" in local.stderr
    assert "only HTTPS with a valid host name" in plain.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "acme/none"), 2),
        (("rotate", "acme/none", "--yes"), 2),
        (("secret", APP), 2),
        (("secret", APP, "--none", "--secret-env", "HOME"), 2),
        (("secret", APP, "--secret-env", "NOT_THERE"), 9),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_so_in_three_lines(stand, words, code):
    done = stand.typed(*words)

    assert done.returncode == code
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "why", "to do"]


def test_a_sender_that_never_sends_its_body_holds_up_nobody(stand):
    url = urlsplit(stand.url())
    head = f"POST {url.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()

    with socket.create_connection((url.hostname, url.port), timeout=30) as slow:
        slow.sendall(head + b"{")
        others = [post(url.geturl(), delivery(number)) for number in range(3)]
        told = slow.recv(4096)

    assert all(is_ok(answer) for answer in others)
    assert told.startswith(b"HTTP/1.1 503")


def test_the_address_on_this_machine_is_that_of_the_api_that_runs_or_else_the_usual_one(home):
    assert api_address.find(home) == "http://127.0.0.1:8700"

    api_address.tell(home, "0.0.0.0", 9000)
    everywhere = api_address.find(home)
    api_address.tell(home, "::1", 9001)
    api_address.forget(home, "0.0.0.0", 9000)

    assert everywhere == "http://127.0.0.1:9000"
    assert api_address.find(home) == "http://[::1]:9001"
    api_address.forget(home, "::1", 9001)
    api_address.tell(home / "nowhere", "127.0.0.1", 1)
    assert list(home.iterdir()) == []


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
