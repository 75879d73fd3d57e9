"""The files of credentials and the record of what is where, in a real store."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.box import Box
from bulkhead.credential.inspection import inspect
from bulkhead.engine.credentials import KEPT_FOR, Credentials, Stored, id_of
from bulkhead.engine.keys import Keys
from bulkhead.engine.push_record import DOUBT, PushRecord
from bulkhead.errors import CannotOpen, InvalidInput, NotFound
from bulkhead.model.push import Doubt, Wish
from bulkhead.model.ranges import indexes
from bulkhead.secrets import SecretBytes
from tests.fakes.engine import FAILED, SUCCEEDED, UNKNOWN, report

APP, OTHER = "acme/shop", "acme/chat"
OLD, NEW = Box("o" * 40), Box("p" * 40)
BOTH = Box("p" * 40, ["o" * 40])
FILES = Path(__file__).parents[1] / "credentials"
HISTORY = 200


def read(name):
    content = (FILES / name).read_bytes()
    reading = inspect(content, name, datetime.now(UTC))
    secret = SecretBytes(content)
    return secret, Stored.of(secret, reading, name)


@pytest.fixture
def credentials(world):
    world.app(APP)
    return Credentials(world.scripts, OLD)


@pytest.fixture
def record(world, credentials):
    del credentials
    return PushRecord(world.scripts)


def kept_for(world, credential):
    """Seconds that it is still kept; None for as long as it is named."""
    left = world.redis.pttl(world.key("credential", credential))
    return None if left == -1 else left / 1000


def test_a_file_comes_back_byte_for_byte_with_what_it_was_found_to_be(credentials):
    content, stored = read("apn-both.p12")

    name = credentials.put(content, stored)

    assert name == id_of(content) == stored.id
    assert credentials.open(name) == content
    assert credentials.get(name) == stored
    assert stored.not_after > datetime.now(UTC).timestamp()
    assert read("fcm.json")[1].not_after is None


def test_the_same_file_is_kept_once_under_its_first_box(world, credentials):
    content, stored = read("fcm.json")
    credentials.put(content, stored)
    box = world.redis.hget(world.key("credential", stored.id), "box")

    credentials.put(content, stored)

    assert world.redis.hget(world.key("credential", stored.id), "box") == box
    assert world.redis.scard(world.key("credentials")) == 1


def test_nothing_of_the_file_is_in_the_store_in_the_clear(world, credentials):
    content, stored = read("fcm.json")
    credentials.put(content, stored)

    kept = b"".join(world.redis.hvals(world.key("credential", stored.id)))

    assert stored.fingerprint.encode() in kept
    assert b"PRIVATE KEY" not in kept
    assert b"client_email" not in kept


def test_the_box_of_one_file_does_not_open_as_another(world, credentials):
    for name in ("fcm.json", "fcm-other-project.json"):
        credentials.put(*read(name))
    mine, others = (id_of(read(name)[0]) for name in ("fcm.json", "fcm-other-project.json"))
    foreign = world.redis.hget(world.key("credential", others), "box")
    world.redis.hset(world.key("credential", mine), "box", foreign)

    with pytest.raises(CannotOpen):
        credentials.open(mine)


def test_what_is_no_credential_cannot_be_kept_and_what_is_not_there_is_not_found(credentials):
    reading = inspect(b"nothing", "x", datetime.now(UTC))

    with pytest.raises(InvalidInput):
        Stored.of(SecretBytes(b"nothing"), reading, "x")
    with pytest.raises(NotFound):
        credentials.open("cred_00000000000000000000")


def test_a_reseal_seals_the_files_anew_once(world, credentials):
    world.fleet.set_token(APP, type(world.TOKEN)(OLD.seal(b"token", APP), "oken", "f00d"))
    content, stored = read("fcm.json")
    credentials.put(content, stored)
    world.redis.sadd(world.key("credentials"), "cred_forgotten")

    done = Keys(world.scripts).reseal(BOTH)

    assert (done.tokens, done.inbound, done.credentials) == (1, 0, 1)
    assert Credentials(world.scripts, NEW).open(stored.id) == content
    assert world.redis.smembers(world.key("credentials")) == {stored.id.encode()}
    assert Keys(world.scripts).reseal(BOTH).credentials == 0


def test_a_file_that_nothing_names_is_kept_for_a_while_and_a_later_job_prolongs_it(
    world, credentials
):
    content, stored = read("fcm.json")

    credentials.put(content, stored)
    first = kept_for(world, stored.id)
    credentials.put(content, stored, KEPT_FOR * 2)
    longer = kept_for(world, stored.id)
    credentials.put(content, stored)

    assert KEPT_FOR - 60 < first <= KEPT_FOR
    assert kept_for(world, stored.id) > longer - 60 > KEPT_FOR


def test_a_file_is_kept_while_an_app_names_it_and_a_while_after_the_last_did(
    world, credentials, record
):
    world.app(OTHER)
    content, stored = read("fcm.json")
    credentials.put(content, stored)
    for app in (APP, OTHER):
        assert record.book(app, stored.in_slot("adopt"))
    named_by_two = kept_for(world, stored.id)

    world.fleet.remove_app(APP)
    named_by_one = kept_for(world, stored.id)
    world.fleet.remove_app(OTHER)

    assert (named_by_two, named_by_one) == (None, None)
    assert KEPT_FOR - 60 < kept_for(world, stored.id) <= KEPT_FOR
    assert record.slots(APP) == {}
    assert record.history(APP) == []


def test_the_history_is_bounded_and_what_falls_out_of_it_is_named_no_more(
    world, credentials, record
):
    first, renewed = read("fcm.json")[1], read("fcm-other-project.json")[1]
    other_slot = read("apn-both.p12")[1]
    for name in ("fcm.json", "fcm-other-project.json", "apn-both.p12"):
        credentials.put(*read(name))
    record.book(APP, other_slot.in_slot("adopt"))
    record.book(APP, first.in_slot("adopt"))

    for _ in range(HISTORY):
        record.book(APP, renewed.in_slot("adopt"))

    assert len(record.history(APP)) == HISTORY
    assert [entry.credential for entry in record.history(APP, 2)] == [renewed.id] * 2
    assert kept_for(world, first.id) is not None
    assert kept_for(world, renewed.id) is None
    # It is in no history any more, and still in its slot.
    assert kept_for(world, other_slot.id) is None
    assert set(record.slots(APP)) == {"fcm", other_slot.slot}


def test_an_app_that_is_not_there_gets_no_record(credentials, record):
    del credentials

    assert not record.book("acme/none", read("fcm.json")[1].in_slot("adopt"))
    assert record.slots("acme/none") == {}


def uploading(world):
    """A begun slice of one upload, and what its worker tells when it is done."""
    job = world.submit(1, kind="creds.upload")
    part = world.begun()
    entry = read("fcm.json")[1].in_slot("upload", job)
    return part, report(
        part,
        {SUCCEEDED: list(indexes(part.ranges))},
        creds=[(entry.slot, entry.to_json())],
        push=[("push_options", "sound", '{"value": true, "job": "j"}')],
    )


def test_what_was_uploaded_is_recorded_with_the_items_outcome_and_only_once(
    world, credentials, record
):
    credentials.put(*read("fcm.json"))
    part, told = uploading(world)

    first, again = world.settle(told), world.settle(told)

    assert (first.verdict, again.verdict) == ("ok", "repeated")
    (entry,) = record.history(APP)
    assert record.slots(APP) == {"fcm": entry}
    assert (entry.by, entry.job, entry.at) == ("upload", part.job, world.now)
    assert record.options(APP)["sound"].value is True
    assert world.counts(part.job).succeeded == 1


def test_a_truth_that_comes_late_is_recorded_too(world, record):
    part, told = uploading(world)
    world.advance(120)
    world.worker("w2").reap()
    (again,) = world.claim("w2")
    world.begin(again, "w2")
    world.finish(again, UNKNOWN, "w2")

    assert world.settle(told).verdict == "late"

    assert again.step == "read_back"
    assert set(record.slots(APP)) == {"fcm"}
    assert world.counts(part.job).succeeded == 1


def test_a_worker_that_dies_in_each_of_two_uploads_leaves_the_item_unknown(world, record):
    job = world.submit(1, kind="creds.upload")

    steps = []
    for name in ("w1", "w2"):
        (part,) = world.claim(name)
        steps.append(part.step)
        world.begin(part, name)
        world.advance(120)
        world.worker("w3").reap()

    assert steps == ["", "read_back"]
    assert world.counts(job).unknown == 1
    assert world.state(job) == "completed_with_errors"
    assert record.history(APP) == []


def test_a_slot_stays_in_doubt_until_a_file_is_known_to_be_there(world, credentials, record):
    content, stored = read("fcm.json")
    credentials.put(content, stored)

    record.claim(APP, "job_1", [Wish("fcm", stored.id)])
    record.claim(APP, "job_2", [Wish("fcm", "cred_2")])
    noted = record.doubts(APP)
    record.book(APP, stored.in_slot("adopt"))

    assert noted == {"fcm": Doubt("job_2", "cred_2", before="job_1")}
    assert record.doubts(APP) == {}
    record.claim(APP, "job_3", [])
    assert not [name for name in world.redis.scan_iter() if b"doubt" in name]


def test_a_refusal_that_is_settled_ends_a_doubt(world, record):
    job = world.submit(1, kind="creds.upload")
    part = world.begun()
    record.claim(APP, job, [Wish("fcm", "cred_1")])

    world.settle(report(part, {FAILED: [0]}, push=[(DOUBT, "fcm", "")]))

    assert record.doubts(APP) == {}


def test_an_app_that_is_removed_leaves_no_doubt(world, record):
    record.claim(APP, "job_1", [Wish("fcm", "cred_1")])

    world.fleet.remove_app(APP)

    assert not [name for name in world.redis.scan_iter() if APP.encode() in name]
