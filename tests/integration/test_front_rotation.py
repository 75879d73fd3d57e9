"""A rotation that is ordered by a message: one job, audited, or a dead letter that says why."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bulkhead.credential_file import CredentialFile, taken
from bulkhead.engine.audit import Audit
from bulkhead.engine.credentials import id_of
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.front import QUEUE
from bulkhead.engine.push_record import PushRecord
from bulkhead.rotation_order import Customer, Rotations
from bulkhead.secrets import SecretBytes
from tasks.submit import reception
from tests.fakes.reception import KEYS

FILES = Path(__file__).parents[1] / "credentials"
UNKNOWN = "cred_" + "0" * 20
TO = {"task": "myapp.job_done", "queue": "myapp"}


@pytest.fixture
def fleet(door):
    """Three apps of a fleet, beside acme/shop, and one of another tenant."""
    for name in ("acme/one", "acme/two", "acme/three", "other/shop"):
        door.app(name)
        label(door, name, fleet="prod")
    return door


def label(door, name, **labels):
    known = Fleet(door.scripts).app(name)
    Fleet(door.scripts).set_app(name, replace(known.settings, labels=labels))


def kept(door, file="fcm.json", kind="fcm"):
    """The id of a credential that somebody has put into the store."""
    rotations = Rotations(door.scripts, KEYS, Customer("ann@host", None))
    return rotations.keep(taken(FILES / file, kind))


def holds(door, app, file, kind="fcm"):
    """The app has this file already, by our record."""
    kept(door, file, kind)
    PushRecord(door.scripts).book(app, taken(FILES / file, kind).stored.in_slot("adopt"))


def order(**members):
    known = {"v": 1, "apps": ["acme/one", "acme/two"], "notify": TO, **members}
    return {name: value for name, value in known.items() if value is not None}


def send(client, door, **members):
    """Send a rotation and have it carried out; its task id."""
    asked = order(credential=members.pop("credential", None) or kept(door))
    task = client.send("tasks.rotate_credentials", asked | members)
    door.serve()
    return task


def rotations_in(audit):
    return [(one.who, one.about["app"]) for one in audit if one.action == "creds.rotate"]


def test_a_message_becomes_one_job_over_its_apps(client, fleet):
    task = send(client, fleet, waves="1,100%", verify="test-push", test_user="probe@example.com")

    job = fleet.job()
    assert (job.kind, job.state, job.app, job.tenant) == ("creds.rotate", "queued", None, "acme")
    assert (job.counts.pending, job.idempotency_key) == (2, task)
    fields = fleet.jobs.fields(job.id)
    assert json.loads(fields["params"])["verify"] == "test-push"
    assert fields["waves"] == "1,2"


@pytest.mark.parametrize(
    ("apps", "tenant", "total"),
    [
        ("fleet=prod", None, 4),
        ("acme/t*", "acme", 2),
        (["acme/two", "acme/one", "acme/two"], "acme", 2),
        (["acme/one", "other/shop"], None, 2),
    ],
)
def test_apps_are_chosen_as_by_the_command(client, fleet, apps, tenant, total):
    send(client, fleet, apps=apps)

    assert (fleet.job().tenant, fleet.job().counts.total) == (tenant, total)


def test_named_apps_are_reached_in_the_order_of_their_names_in_the_message(client, fleet):
    send(client, fleet, apps=["acme/two", "acme/three", "acme/one"], waves="1,100%")

    names = fleet.redis.lrange(fleet.scripts.key("job", fleet.job().id, "apps"), 0, -1)
    assert names == [b"acme/two", b"acme/three", b"acme/one"]


def test_the_audit_names_each_app_the_credential_and_the_task(client, fleet):
    credential = kept(fleet)

    task = send(client, fleet, credential=credential)

    audit = Audit(fleet.scripts)
    assert rotations_in(audit.entries()) == [
        (f"task {task}", "acme/one"),
        (f"task {task}", "acme/two"),
    ]
    assert [one.about["credential"] for one in audit.entries()] == [credential] * 3
    assert audit.verify(KEYS.audit).misfit is None


def test_the_same_message_again_is_the_same_job_also_after_the_slots_have_changed(client, fleet):
    asked = order(credential=kept(fleet))
    client.send("tasks.rotate_credentials", asked, task_id="t-1")
    raw = fleet.redis.lindex(QUEUE, 0)
    fleet.serve()
    first = fleet.job().id

    holds(fleet, "acme/one", "fcm.json")
    fleet.front.put(raw)
    fleet.serve()

    assert fleet.job().id == first
    assert list(fleet.dead.list()) == []
    assert len(rotations_in(Audit(fleet.scripts).entries())) == 2


def test_the_same_key_twice_is_one_job_and_another_order_under_it_a_conflict(client, fleet):
    send(client, fleet, idempotency_key="autumn")
    send(client, fleet, idempotency_key="autumn")
    assert fleet.job()

    send(client, fleet, idempotency_key="autumn", waves="1,2")

    assert fleet.job().idempotency_key == "autumn"
    assert fleet.letter().code == "CONFLICT"
    assert "used for other content" in fleet.letter().what


def test_a_message_that_expired_after_it_was_read_is_still_its_job(client, fleet):
    asked = order(credential=kept(fleet))
    client.send("tasks.rotate_credentials", asked, expires=3600)
    raw = fleet.redis.lindex(QUEUE, 0)
    fleet.serve()

    fleet.submit._desk = replace(fleet.submit._desk, clock=lambda: 2e10)
    fleet.front.put(raw)
    fleet.serve()

    assert fleet.job().counts.total == 2
    assert list(fleet.dead.list()) == []


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({"credential": UNKNOWN}, "NAME_UNKNOWN", f"keeps no credential {UNKNOWN}"),
        ({"apps": ["acme/one", "acme/nope"]}, "NAME_UNKNOWN", "no app acme/nope"),
        ({"apps": ["one"]}, "PAYLOAD_INVALID", "whose app"),
        ({"apps": "acme/nope"}, "PAYLOAD_INVALID", "chooses no app"),
        ({"apps": "fleet=staging"}, "PAYLOAD_INVALID", "chooses no app"),
        ({"waves": "2,1"}, "PAYLOAD_INVALID", "not usable as waves"),
        ({"verify": "test-push"}, "PAYLOAD_INVALID", "`test_user` is missing"),
        ({"at": "someday"}, "PAYLOAD_INVALID", "`at` is not a time"),
    ],
)
def test_what_cannot_be_rotated_is_kept_with_the_reason_and_told(
    client, fleet, members, code, said
):
    send(client, fleet, **members)

    assert fleet.letter().code == code
    assert said in fleet.letter().what + fleet.letter().why
    assert fleet.jobs.newest() == []
    assert rotations_in(Audit(fleet.scripts).entries()) == []
    fleet.deliver()
    task, kwargs = client.read("myapp")
    assert (task, kwargs["job"]["state"], kwargs["job"]["kind"]) == (
        *("myapp.job_done", "rejected", "creds.rotate"),
    )
    assert kwargs["job"]["error"]["code"] == code


def test_another_project_needs_the_word(client, fleet):
    holds(fleet, "acme/one", "fcm-other-project.json")

    send(client, fleet)
    assert "acme/one would get a credential of another project" in fleet.letter().what
    send(client, fleet, allow_project_change=True)

    assert fleet.job().counts.total == 2


def test_an_app_in_another_rotation_is_a_conflict_until_that_has_ended(client, fleet):
    send(client, fleet)
    first = fleet.job().id

    send(client, fleet, apps=["acme/two", "acme/three"])
    assert fleet.letter().code == "CONFLICT"
    assert first in fleet.letter().why
    fleet.jobs.control(first, "cancel")
    fleet.dead.retry(fleet.letter().id, fleet.front.put)
    fleet.serve()

    assert {job.state for job in fleet.jobs.newest()} == {"cancelled", "queued"}


def test_a_file_that_has_expired_meanwhile_is_refused(client, fleet):
    # It was kept when it was still good: only then could it be.
    content = SecretBytes((FILES / "apn-expired.p12").read_bytes())
    then = replace(taken(FILES / "apn-production.p12", "apn").stored, id=id_of(content))
    rotations = Rotations(fleet.scripts, KEYS, Customer("ann@host", None))
    credential = rotations.keep(CredentialFile(content, then))

    send(client, fleet, credential=credential)

    assert "cannot be uploaded as it is" in fleet.letter().what
    assert "CREDENTIAL_EXPIRED" in fleet.letter().why


@pytest.mark.parametrize("apps", [["one", "two"], "one,two", "acme/one,two", "*/one,acme/two"])
def test_a_door_of_one_tenant_knows_its_apps_by_their_short_names(client, fleet, apps):
    fleet.submit = reception(fleet.scripts, fleet.front, fleet.notices, "acme", KEYS)

    send(client, fleet, apps=apps)

    assert (fleet.job().tenant, fleet.job().counts.total) == ("acme", 2)


def test_labels_at_a_door_of_one_tenant_choose_among_its_apps(client, fleet):
    fleet.submit = reception(fleet.scripts, fleet.front, fleet.notices, "acme", KEYS)

    send(client, fleet, apps="fleet=prod")

    assert (fleet.job().tenant, fleet.job().counts.total) == ("acme", 3)


@pytest.mark.parametrize("apps", [["acme/one", "other/shop"], "other/shop", "other/*", "oth*/shop"])
def test_a_door_of_one_tenant_refuses_the_apps_of_another(client, fleet, apps):
    fleet.submit = reception(fleet.scripts, fleet.front, fleet.notices, "acme", KEYS)

    send(client, fleet, apps=apps)

    assert fleet.letter().code == "PAYLOAD_INVALID"
    assert "is not an app of acme" in fleet.letter().what
    assert fleet.jobs.newest() == []


def test_nothing_of_the_credential_is_in_the_store_in_clear(client, fleet):
    send(client, fleet)

    secret = b"BEGIN PRIVATE KEY"
    for name in fleet.redis.keys("*"):
        assert secret not in (fleet.redis.dump(name) or b"")
