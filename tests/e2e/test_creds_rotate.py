"""A credential goes to many apps in waves; what does not prove itself goes back."""

import hashlib
import json

import pytest
import requests

from tests.e2e.push_rig import FCM, OTHER_FCM, Rig

PROBE = "probe@example.com"


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def fleet(rig, number, label, **registered):
    """So many apps with a label, each with its webhook, and FCM in its slot."""
    apps = [rig.app(words=("--label", f"fleet={label}"), **registered) for _ in range(number)]
    for app in apps:
        app.give_webhook()
        app.upload(FCM)
    # As a rotation reaches them.
    return sorted(apps, key=lambda app: app.name)


def rotate(rig, label, file, *words, code=0):
    """The job document of a rotation that was waited for."""
    how = ("--apps", f"fleet={label}", "--fcm", file, "--yes", "--wait", "--timeout", "100s")
    return rig.app_of_nobody.creds("rotate", *how, *words, code=code).json


def holds(app):
    return app.held()["fcm"]


def renewed(rig, name):
    """Another key of the same project: a file that differs in its key id alone."""
    return rig.place(
        name, FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "9')
    )


@pytest.fixture
def label(rig, request):
    rig.app_of_nobody = rig.app()
    return request.node.name[-30:].strip("_")


def test_every_app_holds_the_new_file_byte_for_byte_wave_by_wave(rig, label):
    apps = fleet(rig, 5, label)
    new = renewed(rig, "renewed.json")

    job = rotate(
        rig, label, new, "--waves", "1,50%,100%", "--verify", "test-push", "--test-user", PROBE
    )

    assert (job["state"], job["app"], job["apps"]) == ("completed", None, 5)
    assert [holds(app) for app in apps] == [new.read_bytes()] * 5
    rows = apps[0].results(job["id"])
    assert sorted(row["app"] for row in rows) == sorted(app.name for app in apps)
    assert {row["detail"] for row in rows} == {"rotated"}
    assert all('"ok": true' in row["upstream"]["push_result"] for row in rows)
    past = apps[0].creds("history", apps[0].name).json
    assert (past[0]["by"], past[0]["job"]) == ("rotate", job["id"])
    # The waves follow one another: the second upload of an app is in one of three waves.
    times = [app.uploads()[-1]["t"] for app in apps]
    assert times[0] == min(times)


def test_a_bad_app_ends_the_rotation_and_its_wave_goes_back(rig, label):
    apps = fleet(rig, 6, label)
    new = renewed(rig, "bad.json")
    bad = apps[2]
    bad.register(bad_push=[hashlib.sha256(new.read_bytes()).hexdigest()])
    bad.upload(FCM, "--force")

    job = rotate(
        rig,
        label,
        new,
        "--waves",
        "1,4,6",
        "--verify",
        "test-push",
        "--test-user",
        PROBE,
        "--auto-rollback",
        code=3,
    )

    assert job["state"] == "completed_with_errors"
    assert holds(apps[0]) == new.read_bytes()
    assert [holds(app) for app in apps[1:6]] == [FCM.read_bytes()] * 5
    assert job["counts"]["not_attempted"] == 2
    codes = {row["app"]: row["code"] for row in apps[0].results(job["id"])}
    assert codes[bad.name] == "PUSH_FAILED"
    assert not any(
        row["in_doubt"] for app in apps for row in app.creds("status", "--app", app.name).json
    )
    assert {codes[app.name] for app in (apps[1], apps[3])} == {"WAVE_FAILED"}
    # Nothing was sent to the last wave.
    assert all(len(app.uploads()) == 1 for app in apps[4:])


def test_a_rotation_that_halted_is_retried_for_the_apps_that_it_left(rig, label):
    apps = fleet(rig, 4, label)
    new, bad = renewed(rig, "again.json"), apps[1]
    rig.faults({"fault": "word", "error": "ODDWORD", "op": "pushupload", "token": bad.token})
    first = rotate(rig, label, new, "--waves", "1,2,100%", code=3)
    rig.faults()
    again = ("jobs", "retry", first["id"], "-o", "json")

    plan = bad.typed(*again, "--dry-run").json
    refused = bad.typed(*again, code=6)
    job = bad.typed(*again, "--yes", "--wait", "--timeout", "60s").json

    assert [change["app"] for change in plan["changes"]] == [app.name for app in apps[1:]]
    assert plan["waves"] == [1, 2, 3]
    assert "this needs a yes" in refused.err
    assert (job["state"], job["parent"], job["apps"]) == ("completed", first["id"], 3)
    assert [holds(app) for app in apps] == [new.read_bytes()] * 4
    assert len(apps[0].uploads()) == 2
    deeds = bad.typed("audit", "list", "-o", "json").out
    assert deeds.count("creds.rotate") >= 7


def test_an_app_that_has_the_file_is_skipped_and_in_no_doubt(rig, label):
    (app,) = fleet(rig, 1, label)

    job = rotate(rig, label, FCM)

    assert job["counts"]["skipped"] == 1
    assert len(app.uploads()) == 1
    (row,) = app.creds("status", "--app", app.name).json
    assert not row["in_doubt"]


def test_an_app_that_refuses_the_file_is_in_no_doubt_of_what_it_had(rig, label):
    (app,) = fleet(rig, 1, label)
    rig.faults({"fault": "word", "error": "ODDWORD", "op": "pushupload", "token": app.token})

    job = rotate(rig, label, renewed(rig, "refused.json"), code=3)

    rig.faults()
    assert [code["code"] for code in job["errors_by_code"]] == ["UNLISTED"]
    assert holds(app) == FCM.read_bytes()
    (row,) = app.creds("status", "--app", app.name).json
    assert not row["in_doubt"]


def test_another_project_needs_a_word_of_its_own(rig, label):
    (app,) = fleet(rig, 1, label)

    refused = app.creds("rotate", "--apps", app.name, "--fcm", OTHER_FCM, "--yes", code=9)
    assert "--allow-project-change" in refused.err
    assert holds(app) == FCM.read_bytes()
    job = rotate(rig, label, OTHER_FCM, "--allow-project-change")

    assert job["state"] == "completed"
    assert holds(app) == OTHER_FCM.read_bytes()


def test_a_webhook_that_never_comes_takes_the_app_back(rig, label):
    (app,) = fleet(rig, 1, label)
    app.give_webhook(silent=True)
    app.creds("upload", FCM, "--app", app.name, "--force", "--wait")
    new = renewed(rig, "silent.json")

    job = rotate(
        rig,
        label,
        new,
        "--verify",
        "test-push",
        "--test-user",
        PROBE,
        "--verify-within",
        "2s",
        code=3,
    )

    assert [code["code"] for code in job["errors_by_code"]] == ["NO_PUSH_RESULT"]
    assert holds(app) == FCM.read_bytes()
    assert app.creds("history", app.name).json[0]["file"] != "silent.json"


def test_a_dry_run_says_what_would_change_and_sends_nothing(rig, label):
    apps = fleet(rig, 3, label)
    new = renewed(rig, "dry.json")

    plan = (
        apps[0]
        .creds("rotate", "--apps", f"fleet={label}", "--fcm", new, "--waves", "1,100%", "--dry-run")
        .json
    )

    assert (plan["apps"], plan["waves"]) == (3, [1, 3])
    assert {change["effect"] for change in plan["changes"]} == {"renewal"}
    assert all(len(app.uploads()) == 1 for app in apps)


def test_the_same_key_twice_is_the_same_rotation_while_it_is_open_and_afterwards(rig, label):
    apps = fleet(rig, 2, label)
    new = renewed(rig, "twice.json")
    order = ("--apps", f"fleet={label}", "--fcm", new, "--yes", "--idempotency-key", label)

    open_still = apps[0].creds("rotate", *order, "--at", "in 3s").json
    again = apps[0].creds("rotate", *order, "--at", "in 3s", "--wait").json
    ended = apps[0].creds("rotate", *order).json

    assert open_still["id"] == again["id"] == ended["id"]
    assert again["state"] == ended["state"] == "completed"
    assert [len(app.uploads()) for app in apps] == [2, 2]
    told = apps[0].typed("audit", "list", "--app", apps[0].name, "-o", "json").json
    assert [entry["action"] for entry in told].count("creds.rotate") == 1


def test_a_selector_that_means_nobody_says_so(rig, label):
    app = rig.app()

    done = app.creds("rotate", "--apps", "fleet=nobody", "--fcm", FCM, "--yes", code=9)

    assert "chooses no app" in done.err


def test_every_screen_shows_a_job_over_many_apps(rig, label):
    apps = fleet(rig, 2, label)
    job = rotate(rig, label, renewed(rig, "screens.json"), "--waves", "1,100%", "--soak", "1s")
    app = apps[0]

    for words in (
        ("jobs", "show", job["id"], "-o", "table"),
        ("jobs", "list", "-o", "table"),
        ("jobs", "results", job["id"], "-o", "table"),
        ("jobs", "explain", job["id"]),
        ("jobs", "audit", job["id"]),
        ("status",),
    ):
        app.typed(*words)
    port = next(line for line in rig.logs().splitlines() if '"api_started"' in line)
    metrics = requests.get(f"http://127.0.0.1:{json.loads(port)['port']}/metrics", timeout=60)
    assert metrics.status_code == 200
    assert 'state="completed"' in metrics.text
    refused = app.typed("jobs", "retry", job["id"], code=9)
    assert "nothing to retry" in refused.err


def test_a_rotation_that_is_watched_says_what_it_waits_for(rig, label):
    fleet(rig, 2, label)

    done = rig.app_of_nobody.typed(
        *("creds", "rotate", "--apps", f"fleet={label}", "--fcm", renewed(rig, "watched.json")),
        *("--waves", "1,100%", "--soak", "3s", "--yes", "--watch"),
    )

    assert "the time between two waves" in done.err
