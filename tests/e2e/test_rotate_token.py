"""An app token is exchanged while jobs run, and for an app that its token has stopped."""

import pytest

from tests.e2e.product import until

ROWS = 300
LIMITS = ("--rate", "40/s", "--burst", "5", "--max-in-flight", "4")
NEW, BAD = "f" * 47 + "0", "e" * 47 + "1"


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


def test_a_token_is_exchanged_under_a_running_job_and_a_bad_one_changes_nothing(product, sandbox):
    old, job = product.importing(sandbox, ROWS, LIMITS, part=20)
    sandbox.register(NEW)

    refused = rotate(product, BAD)
    after_refusal = show(product)
    done = rotate(product, NEW)
    calls_with_the_old = sandbox.count(old)

    assert refused.code == 3, refused
    assert refused.out == ""
    assert [line.split(":")[0] for line in refused.err.splitlines()] == ["error", "why", "to do"]
    assert "AUTH_FAILED" in refused.err
    assert (after_refusal["state"], after_refusal["token"]) == ("active", f"…{old[-4:]}")
    assert after_refusal["rotation"] is None
    assert done.code == 0, done
    assert (done.json["token"], done.json["rotation"]) == (f"…{NEW[-4:]}", None)
    ended = product.wait(job)
    assert ended.code == 0, ended
    assert ended.json["counts"]["succeeded"] == ROWS
    assert sandbox.count(old) == calls_with_the_old
    both = sandbox.received(old)["distinct_keys"] + sandbox.received(NEW)["distinct_keys"]
    assert both == ROWS
    stats = product.typed("apps", "stats", "acme/shop", "-o", "json").json
    assert stats["calls"]["useradd"] == {"succeeded": ROWS}
    assert stats["calls"]["usersget"] == {"token_refused": 1, "succeeded": 1}
    # A HyperLogLog counts to about one in a hundred.
    assert abs(stats["users_touched"] - ROWS) <= ROWS * 0.05
    assert stats["bytes_sent"] > ROWS * 100
    assert NEW not in done.out + done.err + refused.err


def test_a_stopped_app_goes_on_after_a_good_rotation_and_stays_stopped_after_a_bad_one(
    product, sandbox
):
    old, job = product.importing(sandbox, ROWS, LIMITS, part=20)
    sandbox.faults({"fault": "word", "error": "AUTHFAIL", "token": old})
    until(lambda: product.job(job)["state"] == "paused")
    sandbox.register(NEW)

    refused = rotate(product, BAD)
    between = show(product)
    done = rotate(product, NEW)

    assert refused.code == 3, refused
    assert between["state"] == "stopped"
    assert done.code == 0, done
    assert done.json["state"] == "active"
    ended = product.wait(job)
    assert ended.code == 0, ended
    assert ended.json["counts"]["succeeded"] == ROWS


def rotate(product, token):
    return product.typed("apps", "rotate-token", "acme/shop", "--token-file", "-", stdin=token)


def show(product):
    return product.typed("apps", "show", "acme/shop", "-o", "json").json
