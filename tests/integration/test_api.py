"""The API as a process: alive, ready, measured."""

import json
import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from producers.api.metric_names import METRICS
from tests.command import KEY, Running, bulkhead
from tests.e2e.product import until

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
CANARY = "canary-0123456789abcdef0123456789abcdef"


def ask(port, path, method="GET"):
    """Status, media type and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), error.read().decode()


@pytest.fixture
def serve(tmp_path, eventually):
    """Start the API on a free port: the process and the port."""
    started = []

    def start(**settings):
        api = Running(tmp_path, "api", "--port", "0", **settings)
        started.append(api)
        return api, eventually(lambda: api.line("api_started"))["port"]

    yield start
    for api in started:
        api.__exit__()


@pytest.fixture(scope="module")
def anyones(store_server, tmp_path_factory):
    """The port of one API for all tests that leave it as it is; it reads the store each time."""
    folder = tmp_path_factory.mktemp("api")
    settings = {"redis_url": store_server.url, "secret_key": KEY, "home": folder}
    with Running(folder, "api", "--port", "0", **settings) as api:
        yield until(lambda: api.line("api_started"))["port"]


def test_it_is_alive_and_ready_and_ends_well_on_sigterm(serve, store_server, redis, home):
    api, port = serve(redis_url=store_server.url, secret_key=KEY, home=home)

    assert ask(port, "/healthz") == (200, "application/json", '{"ok":true}')
    assert ask(port, "/readyz")[0] == 200
    assert ask(port, "/healthz", "HEAD")[0] == 200
    assert api.end() == 0
    assert api.stdout == ""
    assert api.line("api_stopped")


def test_without_a_store_it_lives_and_says_that_it_is_not_ready(serve, home, eventually):
    api, port = serve(home=home)

    status, media, body = ask(port, "/readyz")
    problem = json.loads(body)
    assert ask(port, "/healthz")[0] == 200
    assert (status, media) == (503, "application/problem+json")
    assert problem["code"] == "STORE_UNREACHABLE"
    assert problem["status"] == 503
    assert "bulkhead up" in problem["to_do"]
    assert "bulkhead_store_up 0.0" in ask(port, "/metrics")[2]

    with EmbeddedStore.start(home):
        eventually(lambda: ask(port, "/readyz")[0] == 200)
    eventually(lambda: ask(port, "/readyz")[0] == 503)
    assert api.process.poll() is None


def test_a_wrong_password_is_not_ready_and_is_not_shown(serve, home):
    _, port = serve(redis_url=f"redis://:{CANARY}@127.0.0.1:1/0", secret_key=KEY, home=home)

    status, _, body = ask(port, "/readyz")

    assert status == 503
    assert CANARY not in body


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nowhere", "GET", 404, "NOT_FOUND"),
        ("/v1/jobs", "POST", 404, "NOT_FOUND"),
        ("/healthz", "POST", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_what_it_does_not_know_is_a_problem_document(anyones, path, method, status, code):
    answer, media, body = ask(anyones, path, method)

    assert (answer, media) == (status, "application/problem+json")
    assert json.loads(body)["code"] == code
    assert json.loads(body)["status"] == status


def test_the_metrics_tell_of_workers_apps_and_jobs_and_no_secret(anyones, redis):
    scripts = Scripts(redis)
    fleet = Fleet(scripts)
    fleet.add_tenant("acme")
    token = SealedToken(CANARY, "cdef", "f")
    fleet.add_app("acme/shop", AppSettings(base_url="http://127.0.0.1:1/"), token)
    fleet.control("app", "acme/shop", "pause", "why not")
    scripts.run("beat", "w1", 600, "cell", "main", "host", "h")
    job = {"tenant": "acme", "app": "acme/shop", "state": "paused", "total": 10, "failed": 3}
    redis.hset("{bulkhead}:job:job_1", mapping=job)
    redis.zadd("{bulkhead}:jobs", {"job_1": 1})

    text = ask(anyones, "/metrics")[2]

    assert 'bulkhead_workers{cell="main"} 1.0' in text
    assert 'bulkhead_app_state{app="acme/shop",state="paused",tenant="acme"} 1.0' in text
    assert 'bulkhead_app_state{app="acme/shop",state="active",tenant="acme"} 0.0' in text
    assert 'bulkhead_jobs{app="acme/shop",state="paused",tenant="acme"} 1.0' in text
    assert 'bulkhead_items{app="acme/shop",outcome="failed",tenant="acme"} 3.0' in text
    assert 'bulkhead_items{app="acme/shop",outcome="pending",tenant="acme"} 7.0' in text
    kinds = dict(re.findall(r"^# TYPE (\w+) (gauge|counter)$", text, re.MULTILINE))
    assert set(kinds) == set(METRICS)
    assert {name for name in kinds if kinds[name] == "counter"} == {
        name for name in METRICS if name.endswith("_total")
    }
    assert CANARY not in text
    assert KEY not in text


def test_the_page_lists_exactly_the_metrics_their_labels_and_what_they_mean():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert {name: (labels, meaning) for name, labels, meaning in rows} == {
        name: (", ".join(f"`{label}`" for label in labels) or "–", meaning)
        for name, (labels, meaning) in METRICS.items()
    }


def test_a_port_that_is_taken_is_a_conflict_in_three_lines(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = bulkhead("api", "--port", str(taken.getsockname()[1]), home=home)

    assert run.returncode == 7
    assert [line.split(":")[0] for line in run.stderr.splitlines()] == ["error", "why", "to do"]
    assert run.stdout == ""


def test_the_metrics_tell_of_paces_permits_calls_latencies_reaps_and_ages(anyones, redis):
    scripts = Scripts(redis)
    fleet = Fleet(scripts)
    fleet.add_tenant("acme")
    token = SealedToken(CANARY, "cdef", "f")
    fleet.add_app("acme/shop", AppSettings(base_url="http://127.0.0.1:1/", rate=50), token)
    seconds, _ = redis.time()
    app = {"learned": "41.5", "latency": 52_000, "permits_granted": 120, "permits_returned": 20}
    redis.hset("{bulkhead}:app:acme/shop", mapping=app)
    redis.zadd("{bulkhead}:app:acme/shop:retry", {"job_1:3": 1, "job_1:4": 2})
    month = time.strftime("%Y%m", time.gmtime(seconds))
    calls = {
        "calls|useradd|succeeded": 90,
        "calls|useradd|throttled": 10,
        "took|useradd": 5_500_000,
    }
    redis.hset(f"{{bulkhead}}:stats:acme/shop:{month}", mapping=calls)
    queued = {"tenant": "acme", "app": "acme/shop", "state": "queued", "total": 10, "retries": 4}
    queued["validated_at"] = (seconds - 500) * 10**6
    redis.hset("{bulkhead}:job:job_1", mapping=queued)
    redis.zadd("{bulkhead}:jobs", {"job_1": 1})
    scripts.run("beat", "w1", 600, "cell", "main", "host", "h", "slots", "24")
    redis.hset("{bulkhead}:reaped", mapping={"workers": 2, "begun": 3, "unknown": 1})

    text = ask(anyones, "/metrics")[2]

    whose = 'app="acme/shop"'
    for line in (
        f'bulkhead_app_rate{{{whose},tenant="acme"}} 50.0',
        f'bulkhead_app_pace{{{whose},tenant="acme"}} 41.5',
        f'bulkhead_app_latency_seconds{{{whose},tenant="acme"}} 0.052',
        f'bulkhead_app_permits_granted_total{{{whose},tenant="acme"}} 120.0',
        f'bulkhead_app_permits_used{{{whose},tenant="acme"}} 100.0',
        f'bulkhead_app_retries_waiting{{{whose},tenant="acme"}} 2.0',
        f'bulkhead_app_state{{{whose},state="throttled",tenant="acme"}} 1.0',
        f'bulkhead_http_calls_total{{{whose},op="useradd",outcome="throttled",tenant="acme"}} 10.0',
        f'bulkhead_http_seconds_total{{{whose},op="useradd",tenant="acme"}} 5.5',
        f'bulkhead_item_retries{{{whose},tenant="acme"}} 4.0',
        'bulkhead_slots{cell="main"} 24.0',
        "bulkhead_workers_died_total 2.0",
        'bulkhead_leases_reaped_total{state="begun"} 3.0',
        'bulkhead_leases_reaped_total{state="granted"} 0.0',
        'bulkhead_rows_reaped_total{outcome="unknown"} 1.0',
    ):
        assert line in text
    age = re.search(r"^bulkhead_oldest_queued_job_seconds\{.*\} (\S+)$", text, re.MULTILINE)
    assert float(age[1]) >= 500
