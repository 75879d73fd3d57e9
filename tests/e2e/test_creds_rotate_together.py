"""What a rotation does beside the upload: options, and other jobs that want the same slot."""

import pytest

from tests.e2e.push_rig import FCM, Rig
from tests.e2e.test_creds_rotate import fleet, holds, renewed


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def rotate(app, file, *words, code=0):
    """The job document of a rotation of one app that was waited for."""
    how = ("--apps", app.name, "--fcm", file, "--yes", "--wait", "--timeout", "100s")
    return app.creds("rotate", *how, *words, code=code).json


def set_options(app):
    rows = app.creds("options", "show", app.name).json["options"]
    return {row["option"]: (row["set"], row["job"]) for row in rows if row["job"]}


def test_only_the_options_that_are_named_are_sent_after_the_file_and_are_on_the_record(rig):
    (app,) = fleet(rig, 1, "options")
    new = renewed(rig, "options.json")

    job = rotate(app, new, "--verify", "options", "--no-background", "--collapse")

    assert app.push()["options"] == {"background": False, "collapse": True}
    assert holds(app) == new.read_bytes()
    known = set_options(app)
    assert known == {"background": (False, job["id"]), "collapse": (True, job["id"])}
    (row,) = app.results(job["id"])
    assert row["upstream"]["options"] == {"background": False, "collapse": True}


def test_options_that_are_refused_take_the_app_back_and_are_on_no_record(rig):
    (app,) = fleet(rig, 1, "refused")
    rig.faults({"fault": "word", "error": "ODDWORD", "op": "pushset", "token": app.token})

    job = rotate(app, renewed(rig, "refusedoptions.json"), "--no-background", code=3)

    rig.faults()
    assert [code["code"] for code in job["errors_by_code"]] == ["OPTIONS_REFUSED"]
    assert holds(app) == FCM.read_bytes()
    assert set_options(app) == {}
    (row,) = app.creds("status", "--app", app.name).json
    assert (row["by"], row["in_doubt"]) == ("rollback", None)


def test_to_verify_by_options_one_must_be_named(rig):
    (app,) = fleet(rig, 1, "unnamed")

    words = ("rotate", "--apps", app.name, "--fcm", FCM, "--yes", "--verify", "options")
    refused = app.creds(*words, code=2)

    assert [line.partition(":")[0] for line in refused.err.splitlines()[-3:]] == [
        *("error", "why", "to do")
    ]
    assert "--no-background" in refused.err


def test_a_dry_run_says_which_options_would_be_set_and_what_is_odd_about_them_is_said(rig):
    (app,) = fleet(rig, 1, "odd")
    words = ("rotate", "--apps", app.name, "--fcm", renewed(rig, "odd.json"), "--sound")

    plan = app.creds(*words, "--dry-run")
    job = app.creds(*words, "--yes", "--wait", "--timeout", "100s")

    assert plan.json["options"] == {"sound": True}
    assert job.json["state"] == "completed"
    assert "sound has an effect only where background is off" in job.err
