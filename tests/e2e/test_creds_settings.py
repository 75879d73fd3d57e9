"""Push options, test notifications and debug windows of one app, with a worker and a sandbox."""

import pytest

from tests.e2e.push_rig import FCM, Rig

SEVEN = {"background", "fallback", "ratelimit", "collapse", "sound", "forceprod", "iosfcm"}


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def test_only_the_options_that_are_named_are_sent_and_shown_as_set(rig):
    app = rig.app()

    done = app.creds("options", "set", app.name, "--no-background", "--sound", "--wait")
    app.creds("options", "set", app.name, "--collapse", "--wait")
    shown = app.creds("options", "show", app.name).json

    assert app.push()["options"] == {"background": False, "sound": True, "collapse": True}
    options = {one["option"]: one for one in shown["options"]}
    assert set(options) == SEVEN
    told = {name: one["set"] for name, one in options.items() if one["set"] is not None}
    assert told == app.push()["options"]
    assert options["background"]["default"] is True
    assert options["background"]["job"] == done.json["id"]
    assert "no operation that reads options back" in shown["note"]
    assert "sound is about iOS devices only" in done.err
    assert "no effect" not in done.err


def test_what_is_odd_about_an_option_is_said_and_it_is_sent_all_the_same(rig):
    app = rig.app()

    done = app.creds("options", "set", app.name, "--sound", "--forceprod", "--wait")

    assert "only where background is off" in done.err
    assert "needs a production certificate" in done.err
    assert app.push()["options"] == {"sound": True, "forceprod": True}


def test_no_option_is_a_usage_problem_and_a_dry_run_sends_none(rig):
    app = rig.app()

    app.creds("options", "set", app.name, code=2)
    told = app.creds("options", "set", app.name, "--iosfcm", "--dry-run").json

    assert (told["calls"], told["billable"]["at_most"]) == (1, 0)
    assert rig.sandbox.count(app.token) == 0


def test_a_test_prints_the_result_that_the_webhook_told(rig):
    app = rig.app()
    app.give_webhook()
    app.upload(FCM)

    done = app.creds("test", app.name, "--test-user", "ann@example.com")

    assert done.json["kind"] == "creds.test"
    push = done.json["push"]
    assert (push["state"], push["code"], push["address"]) == ("delivered", 200, "ann@example.com")
    assert push["received_at"]


def test_a_negative_result_is_exit_3(rig):
    app = rig.app()
    app.give_webhook(v=1, repeat=3)

    failed = app.creds("test", app.name, "--test-user", "ann@example.com", code=3)

    assert failed.json["push"]["state"] == "failed"
    assert failed.json["push"]["code"] == 404
    assert failed.json["state"] == "completed"


def test_without_a_webhook_it_says_that_nobody_can_tell(rig):
    app = rig.app()

    done = app.creds("test", app.name, "--test-user", "ann@example.com", code=3)
    sent = app.creds("test", app.name, "--test-user", "bob@example.com", "--no-wait")

    assert done.json["push"]["state"] == "no_webhook"
    assert "webhooks inbound show" in done.err
    assert sent.json["state"] in ("queued", "running", "completed")


def test_a_result_that_never_comes_is_exit_8_and_one_of_another_user_does_not_count(rig):
    app = rig.app()
    app.give_webhook(silent=True)
    words = ("test", app.name, "--timeout", "3s", "--test-user", "ann@example.com")

    done = app.creds(*words, code=8)

    assert done.json["push"]["state"] == "no_result"
    assert [test["address"] for test in app.push()["tests"]] == ["ann@example.com"]


def test_a_test_that_mesibo_refuses_is_exit_3_and_is_not_repeated(rig):
    app = rig.app()
    app.give_webhook()
    rig.faults({"fault": "word", "error": "BADPARAM", "op": "pushtest", "token": app.token})

    done = app.creds("test", app.name, "--test-user", "ann@example.com", code=3)
    rig.faults()

    assert done.json["push"]["state"] == "not_sent"
    assert rig.sandbox.count(app.token) == 1


def test_a_debug_window_is_opened_once_and_the_next_one_is_refused_with_its_time(rig):
    app = rig.app()

    opened = app.creds("debug", app.name, "--duration", "30m")
    refused = app.creds("debug", app.name, "--duration", "5m", code=7)
    long = app.creds("debug", app.name, "--duration", "4h", code=9)

    assert opened.json["state"] == "completed"
    assert [window["duration"] for window in app.push()["debug"]] == [1800]
    assert "the next can be opened at 20" in refused.err
    assert refused.out == ""
    assert "3 hours" in long.err
    assert rig.sandbox.count(app.token) == 1


def test_on_premise_has_no_limit_on_debug_windows(rig):
    app = rig.app("onprem")

    for duration in ("5h", "30m"):
        app.creds("debug", app.name, "--duration", duration)

    assert [window["duration"] for window in app.push()["debug"]] == [18_000, 1_800]


def test_a_window_that_may_be_open_counts_as_open(rig):
    app = rig.app()
    lost = {"fault": "drop_after_commit", "op": "pushdebug", "token": app.token}
    rig.faults(lost)

    unknown = app.creds("debug", app.name, "--duration", "30m", code=3)
    rig.faults()
    refused = app.creds("debug", app.name, "--duration", "30m", code=7)

    assert unknown.json["counts"]["unknown"] == 1
    assert "may have been opened" in refused.err
    assert len(app.push()["debug"]) == 1


def test_an_apps_own_rate_for_tests_holds_tests_and_nothing_else(rig):
    app = rig.app(words=("--class", "push_test=1/min"))
    words = ("test", app.name, "--no-wait", "--test-user")

    first, second = (app.creds(*words, f"{n}@example.com").json["id"] for n in range(2))
    done = rig.product.wait(first, 60)
    app.upload(FCM)

    assert done.code == 0, done
    assert rig.product.job(second)["counts"]["pending"] == 1
    assert len(app.push()["tests"]) == 1


def test_a_word_for_too_many_tests_is_shown_and_the_test_is_not_repeated(rig):
    app = rig.app(tests_a_minute=0)

    done = app.creds("test", app.name, "--test-user", "a@example.com", code=3)

    (row,) = app.results(done.json["id"])
    assert row["upstream"]["error"] == "TESTLIMIT"
    assert done.json["push"]["state"] == "not_sent"
    assert (app.push()["tests"], rig.sandbox.count(app.token)) == ([], 1)


def test_every_deed_is_on_the_audit(rig):
    app = rig.app()
    app.upload(FCM)
    app.creds("options", "set", app.name, "--sound", "--wait")
    app.creds("test", app.name, "--test-user", "ann@example.com", code=3)
    app.creds("debug", app.name, "--duration", "30m")

    entries = app.typed("audit", "list", "--app", app.name, "-o", "json").json

    actions = [entry["action"] for entry in entries]
    assert actions[:4] == ["creds.debug", "creds.test", "creds.options", "creds.upload"]
    assert app.typed("audit", "verify", "-o", "json").json
