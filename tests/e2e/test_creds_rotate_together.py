"""What a rotation does beside the upload: options, and other jobs that want the same slot."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.credentials import Credentials
from bulkhead.engine.fleet import Fleet
from bulkhead.model.waves import Waves
from bulkhead.rotating import Proof, changes, prepare_rotation
from tests.e2e.push_rig import FCM, OTHER_FCM, Rig
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

    assert plan.json["changes"][0]["options"] == {"sound": True}
    assert job.json["state"] == "completed"
    assert "sound has an effect only where background is off" in job.err


@pytest.fixture
def two_files(rig):
    """Two renewals that the store keeps, and their bytes."""
    other = rig.app()
    files = [rig.place(f"twice{n}.json", another_key(n)) for n in (1, 2)]
    other.upload(files[0])
    other.upload(files[1])
    second, first, *_ = other.creds("history", other.name).json
    return [
        (entry["credential"], file.read_bytes())
        for entry, file in zip((first, second), files, strict=True)
    ]


def another_key(number):
    return FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "%d' % number)


def order_at_once(rig, app, credentials):
    """A rotation for each, planned before any other was ordered; their ids."""
    with rig.product.look() as scripts:
        kept = Credentials(scripts, Box("0" * 32))
        known = Fleet(scripts).app(app.name)
        plans = [changes(scripts, [known], kept.get(credential)) for credential in credentials]
        made = [prepare_rotation(plan, Waves((1,)), Proof()) for plan in plans]
        return [one.submit(scripts).id for one in made]


def test_of_two_rotations_at_once_one_commits_and_the_other_says_why(rig, two_files):
    (app,) = fleet(rig, 1, "twice")

    # Both are let go at once.
    app.typed("apps", "pause", app.name)
    jobs = order_at_once(rig, app, [credential for credential, _ in two_files])
    app.typed("apps", "resume", app.name)

    documents = [rig.product.wait(job, timeout=100).json for job in jobs]

    winner = next(number for number, one in enumerate(documents) if one["state"] == "completed")
    (refused,) = app.results(jobs[1 - winner])
    assert documents[1 - winner]["counts"]["failed"] == 1
    assert refused["code"] in ("SLOT_TAKEN", "RECORD_CHANGED")
    assert jobs[winner] in refused["message"]
    assert holds(app) == two_files[winner][1]
    assert len(app.uploads()) == 2
    (now,) = app.creds("status", "--app", app.name).json
    assert (now["job"], now["in_doubt"]) == (jobs[winner], None)


def test_the_same_rotation_under_the_same_key_is_the_same_job_before_and_after_its_end(rig):
    apps = fleet(rig, 2, "again")
    words = ("rotate", "--apps", "fleet=again", "--fcm", renewed(rig, "again.json"), "--yes")
    words = (*words, "--idempotency-key", "again", "--waves", "1,100%", "--soak", "3s")

    first = apps[0].creds(*words).json
    during = apps[0].creds(*words).json
    after = apps[0].creds(*words, "--wait", "--timeout", "100s").json
    ended = apps[0].creds(*words).json
    other = apps[0].creds(*words, "--no-background", code=7)

    assert {one["id"] for one in (first, during, after, ended)} == {first["id"]}
    assert (after["state"], ended["state"]) == ("completed", "completed")
    assert "again" in other.err
    assert [len(app.uploads()) for app in apps] == [2, 2]


def test_the_same_key_is_the_same_job_also_when_the_slot_has_another_project_by_now(rig):
    (app,) = fleet(rig, 1, "key")
    order = ("rotate", "--apps", app.name, "--fcm", renewed(rig, "key.json"), "--yes")
    keyed = (*order, "--idempotency-key", "autumn")
    first = app.creds(*keyed, "--wait", "--timeout", "60s").json
    app.upload(OTHER_FCM)

    again = app.creds(*keyed).json
    refused = app.creds(*order, code=9)

    assert again["id"] == first["id"]
    assert "another project" in refused.err
    assert holds(app) == OTHER_FCM.read_bytes()
