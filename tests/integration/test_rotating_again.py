"""A retry of a rotation: a new one over what the earlier one did not get done, as it is now."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.box import Box
from bulkhead.credential.inspection import inspect
from bulkhead.engine.credentials import Credentials, Stored
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.errors import Conflict, InvalidInput, NotFound
from bulkhead.model.rotation import RotationRow
from bulkhead.model.waves import Waves
from bulkhead.ordering import Options
from bulkhead.retrying import Choice, retry
from bulkhead.rotating import Proof, changes, prepare_rotation
from bulkhead.secrets import SecretBytes
from tests.fakes.engine import FAILED, SUCCEEDED

APPS = [f"acme/app{n}" for n in range(6)]
FILES = Path(__file__).parents[1] / "credentials"
FCM = (FILES / "fcm.json").read_bytes()
OTHER = (FILES / "fcm-other-project.json").read_bytes()
BOX = Box("o" * 40)


def keep(world, content, name="fcm.json"):
    reading = inspect(content, name, datetime.now(UTC))
    stored = Stored.of(SecretBytes(content), reading, name)
    Credentials(world.scripts, BOX).put(SecretBytes(content), stored)
    return stored


def renewed(digit):
    mark = b'"private_key_id": "'
    return FCM.replace(mark, mark + digit)


@pytest.fixture
def world(valkey_world):
    for name in APPS:
        valkey_world.app(name)
    return valkey_world


@pytest.fixture
def new(world):
    """The file that a rotation gives to all apps, each of which has another one of its project."""
    old = keep(world, renewed(b"1"))
    for name in APPS:
        PushRecord(world.scripts).book(name, old.in_slot("adopt"))
    return keep(world, FCM)


def rotated(world, new, waves, options=None, apps=APPS):
    planned = changes(world.scripts, [world.fleet.app(name) for name in apps], new)
    proof = Proof("test-push", "probe@example.com", 7.0)
    asked = replace(options or Options(), force=True)
    made = prepare_rotation(planned, waves, proof, asked)
    return made.submit(world.scripts).id


def wave(world, *bad):
    """Everything that can be claimed now ends well, but for these apps."""
    for part in world.claim():
        world.begin(part)
        world.finish(part, FAILED if part.app in bad else SUCCEEDED)


@pytest.fixture
def halted(world, new):
    """A rotation of which the second wave, of three apps, has failed in one; two had no turn."""
    job = rotated(world, new, Waves((1, 4, 6), 60.0), Options(rate="5/s", labels={"who": "me"}))
    wave(world)
    world.advance(61)
    for _ in range(5):
        world.advance(1)
        wave(world, APPS[2])
    assert world.state(job) == "completed_with_errors"
    return job


def rows(world, job):
    return [(row[0], RotationRow.of(row[1:])) for row in Jobs(world.scripts).segment(job, 0)]


def test_apps_that_failed_or_had_no_turn_are_rotated_again_in_waves_as_before(world, halted):
    again = retry(world.scripts, halted)

    before, now = (world.jobs.fields(job) for job in (halted, again.id))
    assert (again.kind, again.parent, again.apps) == ("creds.rotate", halted, 3)
    assert [(line, row.app) for line, row in rows(world, again.id)] == [
        (3, APPS[2]),
        (5, APPS[4]),
        (6, APPS[5]),
    ]
    assert (now["waves"], now["soak"]) == ("1,3", "60000000")
    for name in ("params", "rollback", "rate", "weight", "labels", "tenant"):
        assert now[name] == before[name]
    assert again.input["retry_of"] == halted


def test_only_what_failed_is_rotated_again_where_that_is_asked_for(world, halted):
    again = retry(world.scripts, halted, Choice("failed"))

    assert [row.app for _, row in rows(world, again.id)] == [APPS[2]]
    assert world.jobs.fields(again.id)["waves"] == "1"


def test_it_goes_back_to_what_a_slot_holds_now(world, halted):
    meanwhile = keep(world, renewed(b"2"))
    PushRecord(world.scripts).book(APPS[4], meanwhile.in_slot("upload"))

    again = retry(world.scripts, halted)

    previous = {row.app: row.previous.credential for _, row in rows(world, again.id)}
    old = keep(world, renewed(b"1")).id
    assert previous == {APPS[2]: old, APPS[4]: meanwhile.id, APPS[5]: old}


def test_an_app_that_is_gone_is_left_out(world, halted):
    world.fleet.remove_app(APPS[5])

    again = retry(world.scripts, halted)

    assert [row.app for _, row in rows(world, again.id)] == [APPS[2], APPS[4]]


def test_with_all_of_its_apps_gone_there_is_nothing_to_rotate(world, halted):
    for name in (APPS[2], APPS[4], APPS[5]):
        world.fleet.remove_app(name)

    with pytest.raises(InvalidInput, match="none of the apps"):
        retry(world.scripts, halted)


def test_a_slot_that_got_another_project_meanwhile_is_not_given_the_old_one(world, halted):
    PushRecord(world.scripts).book(APPS[4], keep(world, OTHER).in_slot("upload"))

    with pytest.raises(InvalidInput, match=f"{APPS[4]} has a credential of another project"):
        retry(world.scripts, halted)


def test_a_change_of_project_that_was_ordered_is_ordered_again(world, new):
    job = rotated(world, keep(world, OTHER), Waves((6,)))
    wave(world, *APPS)

    assert retry(world.scripts, job).apps == 6


def test_no_two_rotations_of_an_app_are_under_way(world, halted):
    first = retry(world.scripts, halted)
    # It is listed with its apps once they have been visited.
    world.claim()

    with pytest.raises(Conflict, match="in another rotation") as refused:
        retry(world.scripts, halted)

    assert first.id in refused.value.why


def test_a_file_that_is_kept_no_more_is_named(world, halted, new):
    world.redis.delete(world.key("credential", new.id))

    with pytest.raises(NotFound, match=new.id):
        retry(world.scripts, halted)


def test_the_rotation_that_was_ordered_again_runs_to_its_end(world, halted):
    again = retry(world.scripts, halted).id

    for _ in range(4):
        wave(world)
        world.advance(61)

    assert world.state(again) == "completed"
    assert world.counts(again).succeeded == 3
