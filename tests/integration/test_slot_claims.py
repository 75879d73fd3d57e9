"""One job at a time gets a slot of an app, and only while the slot holds what its plan said."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.box import Box
from bulkhead.credential.inspection import inspect
from bulkhead.engine.cabinet import Cabinet
from bulkhead.engine.connect import open_client
from bulkhead.engine.credentials import Credentials, Stored
from bulkhead.engine.draft import Draft
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict
from bulkhead.model.outcome import Refused, Skipped
from bulkhead.model.push import Doubt, Wish
from bulkhead.model.rotation import ROLL_BACK
from bulkhead.model.slice import Held
from bulkhead.model.waves import Waves
from bulkhead.ordering import Options
from bulkhead.pushing import prepare_upload, row_of
from bulkhead.rolling_back import refuse_open_jobs
from bulkhead.rotating import Proof, changes, prepare_rotation
from bulkhead.secrets import SecretBytes
from tasks.asked import Asked
from tasks.leaves import with_leaves
from tasks.operation import sparing, supplied
from tests.fakes.engine import FAILED, SUCCEEDED, report

APP = "acme/shop"
BOX = Box("p" * 40)
FCM = (Path(__file__).parents[1] / "credentials" / "fcm.json").read_bytes()


def key(number):
    """Another key of the same project."""
    return FCM.replace(b'"private_key_id": "', b'"private_key_id": "%d' % number)


class Fleet:
    """Apps with jobs about their FCM slots, whose items are taken up and settled one by one."""

    def __init__(self, world):
        self.world = world
        self.record = PushRecord(world.scripts)
        self.credentials = Credentials(world.scripts, BOX)
        self.cabinet = Cabinet(world.scripts, BOX)

    def file(self, number):
        content = SecretBytes(key(number))
        stored = Stored.of(content, inspect(key(number), "fcm.json", datetime.now(UTC)), "fcm.json")
        self.credentials.put(content, stored)
        return stored

    def rotate(self, file, *apps, waves=None, force=False):
        known = [self.world.fleet.app(app) for app in apps or (APP,)]
        planned = changes(self.world.scripts, known, file)
        ends = Waves(waves or (len(known),), 0.0, rollback=True)
        made = prepare_rotation(planned, ends, Proof(), Options(force=force))
        return self._seal(made)

    def upload(self, file):
        return self._seal(prepare_upload(self.world.scripts, [row_of(file, "a.json")], app=APP))

    def _seal(self, made):
        self.world.advance(0.001)
        draft = Draft(self.world.scripts, made.request, self.world.wall)
        for batch in made.batches:
            draft.take(batch)
        return draft.seal(made.describe())

    def begun(self):
        """What can be begun now, by job, ready to be taken up."""
        parts = {part.job: part for part in self.world.claim()}
        return {job: (part, self.world.begin(part)) for job, part in parts.items()}

    def take_up(self, part, begun):
        """What becomes of the slice's one item without a call; None if it is to be sent."""
        facts = self.cabinet.job(part.job)
        asked = Asked(self.cabinet, facts, part, begun, self.world.wall())
        (item,) = supplied(asked)
        return sparing(facts, part.step)(item, None)

    def commit(self, part, file, by="rotate"):
        entry = file.in_slot(by, part.job)
        index = part.ranges[0][0]
        done = report(part, {SUCCEEDED: [index]}, creds=[(entry.slot, entry.to_json())])
        self.world.settle(done)

    def fail(self, part, **more):
        self.world.settle(report(part, {FAILED: [part.ranges[0][0]]}, **more))


@pytest.fixture
def fleet(world):
    world.app(APP, burst=64)
    made = Fleet(world)
    made.record.book(APP, made.file(0).in_slot("adopt"))
    return made


def word_of(outcome):
    return getattr(outcome, "code", None)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_rotations_ordered_in_one_instant_one_sends_and_the_other_says_why(fleet, first):
    new = [fleet.file(1), fleet.file(2)]
    jobs = [fleet.rotate(file) for file in new]
    begun = fleet.begun()
    winner, loser = jobs[first], jobs[1 - first]

    won, lost = fleet.take_up(*begun[winner]), fleet.take_up(*begun[loser])
    fleet.fail(begun[loser][0])
    fleet.commit(begun[winner][0], new[first])

    assert won is None
    assert (type(lost), lost.code) == (Refused, "SLOT_TAKEN")
    assert winner in lost.message
    assert fleet.record.slots(APP)["fcm"].credential == new[first].id
    assert fleet.record.doubts(APP) == {}


def test_a_rotation_that_comes_after_another_finds_that_its_plan_is_out_of_date(fleet):
    one, two = fleet.file(1), fleet.file(2)
    first, second = fleet.rotate(one), fleet.rotate(two)
    begun = fleet.begun()
    fleet.take_up(*begun[first])
    fleet.commit(begun[first][0], one)

    late = fleet.take_up(*begun[second])

    assert (type(late), late.code) == (Refused, "RECORD_CHANGED")
    assert one.fingerprint in late.message
    assert first in late.message
    assert fleet.record.doubts(APP) == {}


def test_an_app_goes_not_back_by_hand_while_its_wave_is_still_to_come(fleet):
    fleet.world.app("acme/second")
    rotation = fleet.rotate(fleet.file(1), APP, "acme/second", waves=(1, 2))
    waiting = fleet.world.fleet.app("acme/second")

    with pytest.raises(Conflict, match="acme/second is about to get") as refused:
        refuse_open_jobs(fleet.world.scripts, waiting)
    Jobs(fleet.world.scripts).control(rotation, "cancel")
    refuse_open_jobs(fleet.world.scripts, waiting)

    assert rotation in refused.value.why


@pytest.mark.parametrize("uploads_first", [True, False])
def test_an_upload_and_a_rotation_keep_out_of_each_others_way(fleet, uploads_first):
    upload, rotation = fleet.upload(fleet.file(1)), fleet.rotate(fleet.file(2))
    begun = fleet.begun()
    order = (upload, rotation) if uploads_first else (rotation, upload)

    outcomes = [fleet.take_up(*begun[job]) for job in order]

    assert [word_of(outcome) for outcome in outcomes] == [None, "SLOT_TAKEN"]
    assert outcomes[0] is None


def test_a_job_that_is_taken_up_again_has_its_slot_still(fleet):
    rotation = fleet.rotate(fleet.file(1))
    begun = fleet.begun()

    assert fleet.take_up(*begun[rotation]) is None
    assert fleet.take_up(*begun[rotation]) is None
    assert fleet.record.doubts(APP)["fcm"].job == rotation


def test_a_slot_left_in_doubt_by_a_job_that_has_ended_is_free_and_stays_in_doubt(fleet, world):
    ended = fleet.upload(fleet.file(1))
    begun = fleet.begun()
    fleet.take_up(*begun[ended])
    fleet.fail(begun[ended][0])
    assert world.state(ended) == "completed_with_errors"
    new = fleet.file(2)
    rotation = fleet.rotate(new)
    ((part, answer),) = fleet.begun().values()

    assert fleet.take_up(part, answer) is None

    assert fleet.record.doubts(APP)["fcm"] == Doubt(rotation, new.id, before=ended)
    fleet.commit(part, new)
    assert fleet.record.doubts(APP) == {}


def test_a_job_that_was_cancelled_keeps_the_slot_while_its_call_is_on_its_way(fleet, world):
    first = fleet.upload(fleet.file(1))
    begun = fleet.begun()
    fleet.take_up(*begun[first])
    world.jobs.control(first, "cancel")
    second = fleet.rotate(fleet.file(2))
    ((part, answer),) = fleet.begun().values()

    during = fleet.take_up(part, answer)
    fleet.fail(begun[first][0])

    assert part.job == second
    assert word_of(during) == "SLOT_TAKEN"
    assert fleet.take_up(part, answer) is None


def test_what_a_person_adopts_meanwhile_leaves_the_slot_to_the_job_that_has_it(fleet):
    rotation = fleet.rotate(fleet.file(1))
    begun = fleet.begun()
    fleet.take_up(*begun[rotation])

    fleet.record.book(APP, fleet.file(2).in_slot("adopt"))

    assert fleet.record.doubts(APP)["fcm"].job == rotation


def test_an_app_that_another_job_changed_since_does_not_go_back_with_its_wave(fleet, world):
    world.app("acme/chat", burst=64)
    fleet.record.book("acme/chat", fleet.file(0).in_slot("adopt"))
    new, other = fleet.file(1), fleet.file(2)
    fleet.rotate(new, APP, "acme/chat")
    parts = {part.app: part for part in world.claim()}
    begun = {app: world.begin(part) for app, part in parts.items()}
    for app, part in parts.items():
        assert fleet.take_up(part, begun[app]) is None
    fleet.commit(parts[APP], new)
    fleet.record.book(APP, other.in_slot("upload", "job_other"))
    fleet.fail(parts["acme/chat"])

    ((part, answer),) = fleet.begun().values()
    outcome = fleet.take_up(part, answer)

    assert (part.app, part.step) == (APP, ROLL_BACK)
    assert (type(outcome), outcome.code) == (Refused, "RECORD_CHANGED")


def test_the_store_says_what_a_wish_may_do(fleet):
    held, new = fleet.file(0).id, fleet.file(1).id

    def asked(credential, **more):
        (leave,) = fleet.record.claim(APP, "job_gone", [Wish("fcm", credential, **more)])
        return leave.verdict

    assert asked(held) == "same"
    assert asked(new, expected=("", new)) == "changed"
    assert fleet.record.doubts(APP) == {}
    assert asked(held, force=True) == "own"
    assert asked(new, expected=(held, new)) == "own"
    assert fleet.record.claim(APP, "job_gone", []) == []
    (empty,) = fleet.record.claim(APP, "job_gone", [Wish("apn:x", new, expected=("", new))])
    assert (empty.verdict, empty.held) == ("own", None)


def test_what_begins_together_asks_together_and_needs_no_second_question(fleet, world):
    other = "acme/chat"
    world.app(other, burst=64)
    new = fleet.file(1)
    fleet.rotate(new, APP, other)
    parts = world.claim()
    begun = with_leaves(parts, [world.begin(part) for part in parts], fleet.cabinet)
    for app in (APP, other):
        assert fleet.record.doubts(app)["fcm"].job == parts[0].job
        world.redis.delete(world.key("app", app, "creds:doubt"))

    outcomes = [fleet.take_up(*pair) for pair in zip(parts, begun, strict=True)]

    assert outcomes == [None, None]
    assert fleet.record.doubts(APP) == fleet.record.doubts(other) == {}


def test_of_slices_that_ask_together_each_has_its_own_answer(fleet):
    new = [fleet.file(1), fleet.file(2), fleet.file(0)]
    jobs = [fleet.rotate(file) for file in new]
    begun = fleet.begun()
    parts, answers = zip(*(begun[job] for job in jobs), strict=True)

    together = with_leaves(parts, [*answers[:2], Held("held")], fleet.cabinet)
    first, second = (fleet.take_up(*pair) for pair in zip(parts[:2], together[:2], strict=True))

    assert together[2] == Held("held")
    assert first is None
    assert (type(second), second.code) == (Refused, "SLOT_TAKEN")


def test_a_slice_that_could_not_ask_together_asks_as_it_is_taken_up(fleet, world):
    rotation = fleet.rotate(fleet.file(1))
    ((part, answer),) = fleet.begun().values()
    away = Cabinet(Scripts(open_client("redis://127.0.0.1:1/0")), BOX)

    (alone,) = with_leaves([part], [answer], away)

    assert alone == answer
    assert fleet.take_up(part, alone) is None
    assert fleet.record.doubts(APP)["fcm"].job == rotation


def test_a_doubt_of_before_there_were_claims_is_read_as_one(fleet, world):
    told = json.dumps({"job": "job_0", "credential": "cred_0"})
    world.redis.hset(world.key("app", APP, "creds:doubt"), "fcm", told)

    (leave,) = fleet.record.claim(APP, "job_1", [Wish("fcm", fleet.file(1).id)])

    assert (leave.verdict, leave.job) == ("own", "job_0")


def test_the_same_file_is_spared_and_claims_nothing(fleet):
    rotation = fleet.rotate(fleet.file(0))
    begun = fleet.begun()

    outcome = fleet.take_up(*begun[rotation])

    assert isinstance(outcome, Skipped)
    assert fleet.record.doubts(APP) == {}
