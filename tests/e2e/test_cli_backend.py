"""A backend that refuses, hangs or is not there: said in the job, and nothing is lost."""

import secrets

import pytest
import requests
from redis import Redis

from tests.e2e.product import free_port, received, until
from tests.e2e.test_cli_bad_input import three_lines
from tests.e2e.typed import typed

PEOPLE = "address\none@example.com\ntwo@example.com\n"
QUICK = (
    *("--connect-timeout", "10s", "--read-timeout", "30s"),
    *("--max-attempts", "2", "--rate", "500/s"),
)


@pytest.fixture
def app(site):
    """Make an app of its own for the test, with this URL."""

    def add(base_url, token=""):
        name = f"demo/app-{secrets.token_hex(3)}"
        done = typed(
            site,
            *("apps", "add", name, "--base-url", base_url, "--token-file", "-", *QUICK),
            stdin=token or "nobody-knows-this",
        )
        assert done.code == 0, done
        return name

    return add


def imported(site, app, *words):
    words = ("--app", app, "--wait", "--timeout", "240s", "-o", "json", *words)
    return typed(site, "users", "import", "-", *words, stdin=PEOPLE)


def test_a_wrong_token_pauses_the_work_and_loses_no_row(site, app):
    name = app(f"{site.sandbox}/backend/")

    done = imported(site, name)

    assert done.code == 10, done
    assert done.json["paused"] == {"by": "auth_failure", "why": done.json["paused"]["why"]}
    assert done.json["counts"]["pending"] == 2
    stopped = typed(site, "apps", "show", name, "-o", "json").json
    assert (stopped["state"], stopped["code"]) == ("stopped", "AUTH_FAILED")
    assert name in typed(site, "status", "-o", "table").out
    right = secrets.token_hex(20)
    requests.post(f"{site.sandbox}/_sandbox/apps", json={"token": right}, timeout=60)
    typed(site, "apps", "set", name, "--token-file", "-", stdin=right)
    typed(site, "jobs", "resume", done.json["id"])
    ended = typed(site, "jobs", "wait", done.json["id"], "--timeout", "240s", "-o", "json")
    assert (ended.code, ended.json["counts"]["succeeded"]) == (0, 2)


def test_an_unreachable_backend_is_tried_and_then_said(site, app):
    name = app(f"http://127.0.0.1:{free_port()}/backend/")

    done = imported(site, name)

    assert done.code == 3, done
    assert done.json["counts"]["failed"] == 2
    rows = typed(site, "jobs", "results", done.json["id"], "-o", "json").json
    assert {row["code"] for row in rows} <= {"BACKEND_UNREACHABLE", "GAVE_UP"}
    assert all(row["retryable"] and row["message"] and row["hint"] for row in rows)


def test_a_backend_that_hangs_is_left_after_the_read_timeout(site, app):
    token = secrets.token_hex(20)
    requests.post(f"{site.sandbox}/_sandbox/apps", json={"token": token}, timeout=60)
    rule = {"fault": "hang", "s": 30, "token": token}
    requests.post(f"{site.sandbox}/_sandbox/faults", json=rule, timeout=60).raise_for_status()
    name = app(f"{site.sandbox}/backend/", token)
    typed(site, "apps", "set", name, "--read-timeout", "1s")

    done = imported(site, name)
    requests.delete(f"{site.sandbox}/_sandbox/faults", timeout=60)

    assert done.code == 3, done
    rows = typed(site, "jobs", "results", done.json["id"], "-o", "json").json
    assert {row["code"] for row in rows} <= {"NO_ANSWER", "GAVE_UP", "NOT_CONFIRMED"}
    assert all(row["attempts"] == 2 for row in rows)


def test_a_check_says_what_is_wrong_with_an_app(site, app):
    good = typed(site, "apps", "check", "demo/shop", "-o", "json")
    wrong = typed(site, "apps", "check", app(f"{site.sandbox}/backend/"), "-o", "json")
    away = app(f"http://127.0.0.1:{free_port()}/backend/")
    unreachable = typed(site, "apps", "check", away, "-o", "json")

    assert good.code == 0, good
    assert wrong.code == 10, wrong
    assert unreachable.code == 3, unreachable
    assert unreachable.json["errors_by_code"][0]["code"] in ("BACKEND_UNREACHABLE", "GAVE_UP")


def test_a_full_store_takes_no_new_job_and_ends_the_running_ones(product):
    sandbox = product.up(workers=1).sandbox
    url = typed(product, "status", "-o", "json").json["store"]["url"]

    requests.post(f"{sandbox}/_sandbox/faults", json={"fault": "latency", "ms": 100}, timeout=60)
    many = "address\n" + "".join(f"u{n}@example.com\n" for n in range(200))
    words = ("users", "import", "-", "--app", "demo/shop", "-o", "json")
    running = typed(product, *words, stdin=many).json["id"]
    with Redis.from_url(url) as redis:
        until(lambda: received(sandbox)["requests"] > 20)
        # Beside this, what the connections of this moment take is nothing.
        # Made in the store: sent there, it would for a while stand in a buffer too.
        redis.setrange("ballast", 30_000_000, b"x")
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] * 1.15))

        refused = typed(product, *words, stdin=PEOPLE)
        ended = typed(product, "jobs", "wait", running, "--timeout", "240s", "-o", "json")

    assert (refused.code, refused.out) == (11, ""), refused
    assert "full" in three_lines(refused)["error"]
    assert (ended.code, ended.json["counts"]["succeeded"]) == (0, 200)
