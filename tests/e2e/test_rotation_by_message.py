"""A rotation that a program with nothing but Celery orders, carried out by real workers."""

import pytest

from bulkhead.engine.connect import broker_url
from bulkhead.engine.embedded import find
from tests.e2e.product import until
from tests.e2e.push_rig import FCM, Rig
from tests.fakes.bare_client import BareClient

TO = {"task": "rotations.job_done", "queue": "rotations"}


@pytest.fixture
def rig(standing):
    return Rig(standing)


@pytest.fixture
def celery(rig):
    made = BareClient(broker_url(find(rig.product.home)))
    yield made
    made.close()


def test_a_kept_credential_goes_to_the_apps_and_the_program_hears_of_the_end(rig, celery):
    first, *apps = [rig.app(words=("--label", "fleet=prod")) for _ in range(3)]
    first.upload(FCM)
    (slot,) = first.creds("status", "--app", first.name).json

    task = celery.send(
        "tasks.rotate_credentials",
        {
            "v": 1,
            "apps": "fleet=prod",
            "credential": slot["credential"],
            "waves": "1,100%",
            "notify": TO,
        },
    )

    documents = [celery.read("rotations")[1]["job"] for _ in range(2)]
    assert [one["state"] for one in documents[1:]] == ["completed"]
    assert documents[0]["id"] == documents[1]["id"]
    assert (documents[1]["counts"]["succeeded"], documents[1]["counts"]["skipped"]) == (2, 1)
    assert [app.held()["fcm"] for app in apps] == [FCM.read_bytes()] * 2
    audit = first.typed("audit", "list", "-o", "json").json
    # The audit forgets nothing, and others have rotated with this product before.
    ours = [one for one in audit if one["who"] == f"task {task}"]
    assert {(one["action"], one["app"]) for one in ours} == {
        ("creds.rotate", app.name) for app in (first, *apps)
    }


def test_a_refused_rotation_is_a_dead_letter_in_the_words_of_the_command(rig, celery):
    app = rig.app()

    task = celery.send(
        "tasks.rotate_credentials", {"v": 1, "apps": [app.name], "credential": "cred_" + "0" * 20}
    )

    def letters():
        listed = app.typed("submissions", "dead", "list", "-o", "json").json
        return [letter for letter in listed if letter["task_id"] == task]

    (letter,) = until(letters)
    assert (letter["code"], letter["task"]) == ("NAME_UNKNOWN", "tasks.rotate_credentials")
    assert app.uploads() == []
