"""Jobs that go out by a sender's own session, with real workers and the sandbox's stand-in."""

import os
import signal
import time

import pytest

from tests.e2e.broadcast_rig import SENDER
from tests.e2e.product import alive, measured, until
from tests.e2e.realtime_rig import Realtime

ANN = "ann@example.com"
STOPS_WITHIN = 2.0
"""Seconds: the product's promise."""
ON_THE_WIRE = 0.5


@pytest.fixture(scope="module")
def _one_worker(product_of_module):
    return begun(product_of_module, sessions=50)


@pytest.fixture
def app(_one_worker):
    """A new app of a product that has one worker, which nobody ends."""
    return Realtime(_one_worker, _one_worker.sandbox(), people=[ANN])


@pytest.fixture
def alone(product):
    """An app whose product has one worker, of its own."""
    return Realtime(begun(product), product.sandbox(), people=[ANN])


@pytest.fixture
def shared(product):
    """An app whose product has two workers, of its own."""
    return Realtime(begun(product, workers=2), product.sandbox(), people=[ANN])


def begun(product, workers=1, **settings):
    Realtime.prepare(product, product.sandbox(), **settings)
    product.up(workers=workers, sandbox=False)
    return product


def made(product, **settings):
    return Realtime(begun(product, **settings), product.sandbox(), people=[ANN])


def confirmed(outcomes):
    return {mid for outcome, _, mid in outcomes.values() if outcome == "succeeded"}


def test_a_message_goes_out_by_the_senders_session(app):
    job = app.send(people=[ANN])

    done = app.product.wait(job, timeout=60)

    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == 1
    [(outcome, _, mid)] = app.outcomes(job).values()
    known = app.at(keys=1)
    assert outcome == "succeeded"
    assert known["messages"] == known["distinct"] == 1
    assert known["by_mid"][0]["mid"] == mid
    assert app.session(SENDER).online


@pytest.mark.parametrize("groups", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_session_killed_in_the_middle_doubles_no_message_and_the_rest_goes_out(alone, groups):
    job = alone.send(gids=alone.own_groups(groups), rate=200.0)
    until(lambda: alone.counts(job)["succeeded"] >= groups // 4)

    killed = alone.kill_session()

    done = alone.product.wait(job, timeout=300)
    counts, known = done.json["counts"], alone.at(keys=1)
    sent = confirmed(alone.outcomes(job))
    assert not alive(killed)
    assert counts["succeeded"] + counts["unknown"] == groups
    assert known["most_per_mid"] == 1
    assert len(sent) == counts["succeeded"]
    assert sent <= {one["mid"] for one in known["by_mid"] if one["accepted"]}
    assert known["logins"] == 2
    measured(f"{groups} messages, session killed: {counts}; the sandbox took {known['messages']}")


def test_two_workers_that_want_one_sender_have_one_session(shared):
    jobs = [shared.send(gids=shared.own_groups(40)) for _ in range(3)]

    done = [shared.product.wait(job, timeout=200) for job in jobs]

    known = shared.at()
    assert [one.json["counts"]["succeeded"] for one in done] == [40, 40, 40]
    assert known["logins"] == 1
    assert len(shared.processes()) == 1
    assert (known["messages"], known["most_per_mid"]) == (120, 1)


def test_a_killed_workers_session_is_taken_up_by_the_next_and_nothing_is_doubled(shared):
    job = shared.send(gids=shared.own_groups(200), rate=40.0)
    until(lambda: shared.counts(job)["succeeded"] >= 40)
    keeping = int(shared.session().worker.split("-")[-2])
    [child] = shared.processes()

    os.kill(keeping, signal.SIGKILL)

    done = shared.product.wait(job, timeout=300)
    counts, known = done.json["counts"], shared.at(keys=1)
    sent = confirmed(shared.outcomes(job))
    assert counts["succeeded"] + counts["unknown"] == 200
    assert known["most_per_mid"] == 1
    assert sent <= {one["mid"] for one in known["by_mid"] if one["accepted"]}
    assert len(sent) == counts["succeeded"]
    until(lambda: not alive(child))
    measured(f"200 messages, the keeping worker killed: {counts}; taken {known['messages']}")


def test_a_cancelled_job_sends_nothing_two_seconds_later(app):
    job = app.send(gids=app.own_groups(300), rate=60.0)
    until(lambda: app.counts(job)["succeeded"] >= 30)

    app.product.typed("jobs", "cancel", job, "--yes")
    cancelled = time.time()

    until(lambda: time.time() > cancelled + STOPS_WITHIN + ON_THE_WIRE)
    after = app.at()["messages"]
    until(lambda: time.time() > cancelled + 2 * STOPS_WITHIN)
    assert app.at()["messages"] == after < 300
    assert app.product.job(job)["state"] == "cancelled"


def test_a_worker_that_ends_waits_for_its_statuses_and_signs_out(alone):
    job = alone.send(gids=alone.own_groups(200), rate=50.0)
    until(lambda: alone.counts(job)["succeeded"] >= 20)
    [worker], [child] = alone.product.workers(), alone.processes()

    os.kill(worker, signal.SIGTERM)

    until(lambda: not alive(worker))
    assert not alive(child)
    done = alone.product.wait(job, timeout=200)
    assert done.json["counts"]["succeeded"] == 200
    assert alone.at()["most_per_mid"] == 1


def test_a_session_that_nobody_needs_is_ended_and_made_again_without_a_new_token(product):
    app = made(product, idle=10)
    app.product.wait(app.send(people=[ANN]), timeout=60)

    until(lambda: not app.processes())

    assert app.session().worker == ""
    before = len(app.product.jobs())
    assert app.product.wait(app.send(people=[ANN], text="Again"), timeout=60).code == 0
    assert len(app.product.jobs()) == before + 1
    assert app.at()["logins"] == 2


def jobs_of(app):
    """What was asked for with this app, by us and by the worker that signs in."""
    with app.product.look() as scripts:
        asked = {
            job: scripts.redis.hget(scripts.key("job", job), "app") for job in app.product.jobs()
        }
    return [job for job, name in asked.items() if name == app.name.encode()]


def test_a_token_that_is_refused_is_replaced_once_and_the_job_goes_on(app):
    app.product.wait(app.send(people=[ANN]), timeout=60)
    before = len(jobs_of(app))

    app.do("connection", status=4)

    done = app.product.wait(app.send(people=[ANN], text="Again"), timeout=60)
    assert done.json["counts"]["succeeded"] == 1
    assert len(jobs_of(app)) == before + 2
    assert app.at()["logins"] == 2


def test_a_sender_that_mesibo_does_not_know_fails_with_a_reason_and_makes_no_user(app):
    job = app.send(people=[ANN], sender="nobody@example.com", no_session="refuse")

    done = app.product.wait(job, timeout=120)

    [(outcome, code, _)] = app.outcomes(job).values()
    assert (outcome, code) == ("failed", "NO_SESSION")
    assert done.json["counts"]["failed"] == 1
    assert "token" in app.session("nobody@example.com").why
    assert not app.backend("usersget", user={"address": "nobody@example.com"})["users"]


@pytest.mark.parametrize("no_session", ["wait", "refuse"])
def test_a_package_that_refuses_to_start_is_said_and_the_job_does_as_it_was_told(
    product, no_session
):
    app = made(product, package="tests.fakes.too_old")
    job = app.send(people=[ANN], no_session=no_session)

    view = until(lambda: app.session().state == "unusable" and app.session())

    assert "refuses to start" in view.why
    assert "use --via backend" in view.why
    if no_session == "refuse":
        app.product.wait(job, timeout=60)
        assert next(iter(app.outcomes(job).values()))[1] == "NO_SESSION"
    else:
        assert app.counts(job)["pending"] == 1
    assert app.at()["messages"] == 0


def test_a_status_that_never_comes_leaves_the_item_unknown(app):
    app.product.typed("apps", "set", app.name, "--read-timeout", "3s")
    app.do("trouble", swallow=1)
    [gid] = app.own_groups(1)

    job = app.send(people=[ANN], gids=[gid])
    done = app.product.wait(job, timeout=60)

    assert done.json["counts"] | {"total": 2} == done.json["counts"]
    assert sorted(outcome for outcome, _, _ in app.outcomes(job).values()) == [
        "succeeded",
        "unknown",
    ]
    assert app.at()["most_per_mid"] == 1


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (131, "failed", "NO_SUCH_RECIPIENT"),
        (136, "failed", "SENDER_BLOCKED"),
        (130, "succeeded", None),
        (128, "succeeded", None),
    ],
)
def test_a_status_of_failure_ends_the_item_or_is_tried_again(app, status, outcome, code):
    app.do("trouble", fail=1, status=status)

    job = app.send(people=[ANN])
    app.product.wait(job, timeout=60)

    assert [one[:2] for one in app.outcomes(job).values()] == [(outcome, code)]
    assert app.at()["refused"] == 1


def test_a_session_that_is_throttled_rests_and_no_item_uses_an_attempt(app):
    app.product.wait(app.send(people=[ANN]), timeout=60)
    app.do("results", results=[140, 140])

    job = app.send(gids=app.own_groups(20))
    view = until(lambda: app.session().cooling_until and app.session())
    done = app.product.wait(job, timeout=60)

    assert view.online
    assert done.json["counts"]["succeeded"] == 20
    assert done.json["attempts"]["retries"] == 0
    assert app.at()["most_per_mid"] == 1


@pytest.mark.parametrize(
    ("status", "word"), [(3, "elsewhere"), (10, "suspended"), (22, "shut the session down")]
)
def test_a_session_that_mesibo_ends_says_why_and_when_it_is_tried_again(app, status, word):
    app.product.wait(app.send(people=[ANN]), timeout=60)

    app.do("connection", status=status)

    view = until(lambda: app.session().state == "failed" and app.session())
    assert word in view.why
    assert view.again_at > time.time()


@pytest.mark.slow
def test_tenants_take_turns_where_there_are_fewer_places_than_senders(product):
    app = made(product, sessions=1)
    other = Realtime(product, app.stand_in, people=[ANN], name="globex/shop")
    long = app.send(gids=app.own_groups(400), rate=4.0)
    until(lambda: app.counts(long)["succeeded"] >= 1)

    short = other.send(people=[ANN])

    assert product.wait(short, timeout=200).json["counts"]["succeeded"] == 1
    assert product.wait(long, timeout=300).json["counts"]["succeeded"] == 400
    assert app.at()["most_per_mid"] == 1
