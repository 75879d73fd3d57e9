"""What a rotation is given or met with that is bad: said, and no app is left between two files."""

import pytest

from tests.e2e.push_rig import FCM, FILES, Rig
from tests.fakes.push_files import certificate

NEW = FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "9')
PROVEN = ("--verify", "test-push", "--test-user", "probe@example.com")


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


@pytest.fixture
def app(rig):
    made = rig.app()
    made.give_webhook()
    made.upload(FCM)
    yield made
    rig.faults()


def rotate(app, file, *words, kind="fcm", code=0):
    how = ("--apps", app.name, f"--{kind}", file, "--yes", *words)
    return app.creds("rotate", *how, code=code)


def waited(app, *words, code=0):
    """The job of a rotation to the new file, and the codes of its rows."""
    new = app.rig.place("new.json", NEW)
    job = rotate(app, new, *words, "--wait", "--timeout", "100s", code=code).json
    return [one["code"] for one in job["errors_by_code"]]


def in_no_doubt(app):
    (row,) = app.creds("status", "--app", app.name).json
    return not row["in_doubt"]


@pytest.mark.parametrize(
    ("name", "kind", "code", "why"),
    [
        ("google-services.json", "fcm", 9, "CREDENTIAL_"),
        ("fcm-truncated.json", "fcm", 9, "CREDENTIAL_"),
        ("apn-no-key.p12", "apn", 9, "CREDENTIAL_"),
        ("apn-production.p12", "fcm", 2, "is not for fcm"),
        ("nothing-here.json", "fcm", 9, "CREDENTIAL_"),
    ],
)
def test_a_file_that_is_not_fit_is_refused_before_there_is_a_job(app, name, kind, code, why):
    before = app.rig.product.jobs()

    done = rotate(app, FILES / name, kind=kind, code=code)

    assert why in done.err
    assert app.rig.product.jobs() == before
    assert app.held() == {"fcm": FCM.read_bytes()}


def test_ten_megabytes_are_refused_before_there_is_a_job(app):
    huge = app.rig.place("huge.p12", b"\x30" * 10_000_000)
    before = app.rig.product.jobs()

    done = rotate(app, huge, kind="apn", code=9)

    assert "CREDENTIAL_TOO_LARGE" in done.err
    assert app.rig.product.jobs() == before


def test_an_on_premise_app_among_others_that_cannot_take_so_much_is_said_before(rig):
    cloud = rig.app(words=("--label", "house=both"))
    house = rig.app(edition="onprem", words=("--label", "house=both"))
    large = rig.place("large.json", FCM.read_bytes().rstrip()[:-1] + b" " * 8_192 + b"}")

    done = cloud.creds("rotate", "--apps", "house=both", "--fcm", large, "--yes", code=9)

    assert house.name in done.err
    assert "8,192" in done.err
    assert (cloud.uploads(), house.uploads()) == ([], [])


def test_an_app_that_is_in_a_rotation_is_in_no_other(app):
    new = app.rig.place("new.json", NEW)
    app.typed("apps", "pause", app.name)
    first = rotate(app, new).json["id"]

    done = rotate(app, new, code=7)

    assert first in done.err
    app.typed("apps", "resume", app.name)
    assert app.rig.product.wait(first).json["state"] == "completed"
    assert app.held() == {"fcm": NEW}


def test_a_page_in_place_of_an_answer_leads_to_one_more_upload(app):
    app.rig.faults({"fault": "html", "op": "pushupload", "token": app.token, "times": 1})

    assert waited(app) == []

    assert app.held() == {"fcm": NEW}
    assert app.rig.sandbox.received(app.token, op="pushupload")["requests"] == 1 + 2


def test_two_pages_in_place_of_answers_take_the_app_back(app):
    app.rig.faults(
        {"fault": "html", "op": "pushupload", "token": app.token, "times": 2, "commit": True}
    )

    assert waited(app, code=3) == ["UPLOAD_NOT_CONFIRMED"]

    assert app.held() == {"fcm": FCM.read_bytes()}
    assert len(app.uploads()) == 1 + 3
    assert in_no_doubt(app)


def test_pages_in_place_of_every_answer_are_said_to_leave_the_app_in_doubt(app):
    app.rig.faults({"fault": "html", "op": "pushupload", "token": app.token, "commit": True})

    assert waited(app, "--max-attempts", "2", code=3) == ["NOT_ROLLED_BACK"]

    assert not in_no_doubt(app)


def test_a_test_beyond_the_limit_takes_the_app_back(app):
    app.register(tests_a_minute=0)
    app.upload(FCM, "--force")

    assert waited(app, *PROVEN, code=3) == ["TEST_REFUSED"]

    assert app.held() == {"fcm": FCM.read_bytes()}
    assert in_no_doubt(app)


def test_another_bundle_is_an_addition_and_needs_no_word(app):
    file = app.rig.place("more.p12", certificate("org.more"))

    job = rotate(app, file, "--wait", "--timeout", "100s", kind="apn").json

    assert job["state"] == "completed"
    assert app.held() == {"fcm": FCM.read_bytes(), "apn:org.more": file.read_bytes()}
