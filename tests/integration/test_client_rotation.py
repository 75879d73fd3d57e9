"""Rotations from Python against a real store: one order, one job, and words for what is wrong."""

from pathlib import Path

import pytest

from bulkhead.client import Bulkhead, Options
from bulkhead.credential_file import taken
from bulkhead.engine.audit import Audit
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput, NotFound
from bulkhead.model.app import AppSettings

SECRET = "a secret key of the tests, long enough"
FCM = Path(__file__).parents[1] / "credentials" / "fcm.json"


@pytest.fixture
def keyed(redis, store_server):
    """A client that knows the secret key, from its settings, and an app of each of two tenants."""
    fleet = Fleet(Scripts(redis))
    for tenant in ("acme", "other"):
        fleet.add_tenant(tenant)
        labels = {"of": tenant}
        settings = AppSettings(base_url="https://api.example.com/backend/", labels=labels)
        fleet.add_app(f"{tenant}/shop", settings, SealedToken("box", "last", "print"))
    given = {"REDIS_URL": store_server.url, "SECRET_KEY": SECRET, "TENANT": "acme"}
    with Bulkhead.from_env({f"BULKHEAD_{name}": text for name, text in given.items()}) as made:
        yield made


def test_a_rotation_takes_a_path_a_content_or_the_id_of_a_kept_file(keyed):
    kept = keyed.keep_credential(fcm=FCM)

    plans = [
        keyed.plan_rotation(apps="acme/shop", **named)
        for named in (
            {"fcm": FCM},
            {"fcm": str(FCM)},
            {"fcm": FCM.read_bytes()},
            {"credential": kept},
        )
    ]

    assert [(one["app"], one["effect"]) for (one,) in plans] == [("acme/shop", "first")] * 4
    assert len({one["new"] for (one,) in plans}) == 1
    assert kept.startswith("cred_")


def test_a_rotation_is_a_job_whose_apps_are_audited_with_the_credential(keyed, redis):
    job = keyed.rotate_credentials(
        apps=["shop", "other/shop"], fcm=FCM, waves="1,100%", soak="10m", labels={"why": "leak"}
    )

    assert (job.kind, job.app, job.state, job.counts.pending) == ("creds.rotate", None, "queued", 2)
    told = Audit(Scripts(redis)).entries()
    assert [(one.action, one.about["app"]) for one in told] == [
        ("creds.rotate", "acme/shop"),
        ("creds.rotate", "other/shop"),
    ]


def test_a_rotation_is_ordered_again_by_who_has_the_key_and_is_audited(keyed, redis, store_server):
    first = keyed.rotate_credentials(apps=["shop", "other/shop"], fcm=FCM).cancel()
    with (
        Bulkhead(store_server.url) as keyless,
        pytest.raises(InvalidInput, match="no secret key is known here"),
    ):
        keyless.job(first.id).retry()

    again = [first.retry("not_attempted", Options(idempotency_key="again")) for _ in range(2)]

    assert {(job.document.parent, job.counts.pending) for job in again} == {(first.id, 2)}
    told = Audit(Scripts(redis)).entries()
    assert [one.action for one in told] == ["creds.rotate"] * 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "no credential is named"),
        ({"fcm": FCM, "credential": "cred_1"}, "two credentials are named"),
        ({"apn": FCM}, "not for apn"),
        ({"fcm": FCM.parent / "fcm-truncated.json"}, "cannot be uploaded as it is"),
        ({"fcm": b"no credential"}, "what is given as fcm cannot be uploaded"),
        ({"fcm": "nowhere.json"}, "nowhere.json cannot be read"),
        ({"fcm": FCM, "apps": "team=nobody"}, "chooses no app"),
        ({"fcm": FCM, "apps": "of=acme,of=other"}, "chooses no app"),
        ({"fcm": FCM, "apps": []}, "no app is named"),
        ({"fcm": FCM, "apps": None}, "no app is named"),
        ({"fcm": FCM, "verify_within": 0}, "`verify_within` does not fit"),
        ({"fcm": FCM, "waves": "9,1"}, "not usable as waves"),
        ({"fcm": FCM, "verify": "test-push"}, "`test_user` is missing"),
        ({"fcm": FCM, "verify": "luck"}, "`verify` does not fit"),
        ({"fcm": FCM, "soak": "a while"}, "not a duration"),
        ({"fcm": FCM, "push_options": {"volume": True}}, "`push_options` does not fit"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused_and_nothing_is_kept(keyed, redis, asked, said):
    with pytest.raises(InvalidInput) as refused:
        keyed.rotate_credentials(**{"apps": "acme/shop", **asked})

    assert said in refused.value.what
    assert keyed.jobs() == []
    assert not redis.exists(Scripts(redis).key("credentials"))


def test_a_rotation_of_what_there_is_not_says_what_is_missing(keyed):
    with pytest.raises(NotFound, match="keeps no credential"):
        keyed.rotate_credentials(apps=["shop"], credential="cred_" + "0" * 20)
    with pytest.raises(NotFound, match="no app acme/shpo"):
        keyed.rotate_credentials(apps=["shpo"], fcm=FCM)


def test_two_rotations_of_one_app_are_a_conflict_also_before_its_wave(keyed):
    keyed.rotate_credentials(apps=["acme/shop", "other/shop"], fcm=FCM, waves="1,2")

    with pytest.raises(Conflict, match="other/shop is in another rotation"):
        keyed.rotate_credentials(apps=["other/shop"], fcm=FCM)


def test_the_same_bytes_are_the_same_order_by_whatever_name_they_come(keyed):
    order = {"apps": ["shop"], "idempotency_key": "autumn"}
    kept = keyed.keep_credential(fcm=FCM)

    jobs = [
        keyed.rotate_credentials(**order, **named)
        for named in ({"fcm": FCM}, {"fcm": FCM.read_bytes()}, {"credential": kept})
    ]

    assert len({job.id for job in jobs}) == 1
    with pytest.raises(Conflict, match="used for other content"):
        keyed.rotate_credentials(**order, fcm=FCM, verify="test-push", test_user="probe")


def test_the_same_key_is_the_same_job_also_when_the_slot_has_another_project_by_now(keyed, redis):
    order = {"apps": ["shop"], "fcm": FCM, "idempotency_key": "autumn"}
    first = keyed.rotate_credentials(**order).cancel()
    other = taken(FCM.parent / "fcm-other-project.json", "fcm").stored
    PushRecord(Scripts(redis)).book("acme/shop", other.in_slot("upload"))

    again = keyed.rotate_credentials(**order)

    assert again.id == first.id
    with pytest.raises(InvalidInput, match="another project"):
        keyed.rotate_credentials(**order | {"idempotency_key": "winter"})


def test_a_client_without_the_secret_key_says_what_a_rotation_needs(store_server):
    with (
        Bulkhead(store_server.url, tenant="acme") as bulkhead,
        pytest.raises(InvalidInput, match="no secret key is known here"),
    ):
        bulkhead.rotate_credentials(apps=["shop"], fcm=FCM)


def test_a_credential_is_inspected_without_any_store():
    found = Bulkhead.inspect_credential(FCM)

    assert (found["kind"], found["slot"], found["uploadable"]) == ("fcm", "fcm", True)
    assert "PRIVATE" not in str(found)
