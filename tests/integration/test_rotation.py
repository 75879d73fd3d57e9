"""The phases of a token's exchange in the store, whoever interrupts them."""

import pytest

from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.fleet import SealedToken
from bulkhead.engine.rotation import CHECK, Rotation
from bulkhead.errors import Conflict
from bulkhead.model.batch import ONE_CALL
from bulkhead.model.slice import Held
from tests.fakes.engine import report

NEW = SealedToken("new-box", "9999", "new-print")
THIRD = SealedToken("third-box", "3333", "third-print")


@pytest.fixture
def app(world):
    return world.app(burst=64)


def rotation_of(world):
    return world.fleet.app("acme/shop").live["rotation"]


def test_the_old_token_is_forgotten_when_the_last_lease_that_began_with_it_is_settled(world, app):
    world.submit(4)
    old = world.begun(items=2)
    exchange = Rotation(world.scripts, app, NEW)

    exchange.offer()
    assert (world.fleet.token_box(app), rotation_of(world)["phase"]) == ("box", "checking")
    exchange.switch()
    began_after = world.begun(items=2)
    assert not exchange.drained()
    assert rotation_of(world)["phase"] == "draining"
    world.finish(old)

    assert exchange.drained()
    assert rotation_of(world) is None
    assert world.fleet.token_box(app) == "new-box"
    assert "previous_token_box" not in world.app_now()
    world.finish(began_after)


def test_the_same_token_again_goes_on_and_another_one_starts_over(world, app):
    exchange = Rotation(world.scripts, app, NEW)
    exchange.offer()
    exchange.checked_by("job_1")

    exchange.offer()
    assert rotation_of(world)["job"] == "job_1"
    Rotation(world.scripts, app, THIRD).offer()

    assert (rotation_of(world)["token"], rotation_of(world)["job"]) == ("…3333", None)
    with pytest.raises(Conflict, match="another token"):
        exchange.switch()


def test_a_switch_whose_answer_was_lost_is_asked_again_and_switches_once(world, app):
    exchange = Rotation(world.scripts, app, NEW)
    exchange.offer()

    exchange.switch()
    version = world.fleet.app(app).version
    exchange.switch()

    assert world.fleet.app(app).version == version


def test_what_is_dropped_leaves_the_app_as_it_was(world, app):
    before = world.app_now()

    exchange = Rotation(world.scripts, app, NEW)
    exchange.offer()
    exchange.drop()

    assert world.app_now() == before


def test_a_token_that_is_set_by_hand_ends_the_exchange(world, app):
    exchange = Rotation(world.scripts, app, NEW)
    exchange.offer()

    world.fleet.set_token(app, THIRD)

    assert rotation_of(world) is None
    with pytest.raises(Conflict, match="another token"):
        exchange.switch()


def test_a_paused_app_is_not_called_to_try_a_token(world, app):
    world.fleet.control("app", app, "pause")

    with pytest.raises(Conflict, match="is paused"):
        Rotation(world.scripts, app, NEW).offer()


def test_a_stopped_app_makes_the_call_that_tries_its_next_token_and_no_other(world, app):
    job = world.submit(2)
    part = world.begun(items=1)
    stopped = report(part, again=[0], stop=("AUTH_FAILED", "no"))
    world.settle(stopped)
    assert world.state(job) == "paused"
    exchange = Rotation(world.scripts, app, NEW)
    exchange.offer()
    draft = Draft(world.scripts, Request(CHECK, "acme", app, priority="urgent"), world.wall)
    draft.take(ONE_CALL)
    check = draft.seal({"rows": 1})

    (slice_,) = world.claim()

    assert (slice_.job, slice_.kind) == (check, CHECK)
    assert not isinstance(world.begin(slice_), Held)
    world.finish(slice_)
    assert world.state(check) == "completed"
    assert world.submit(1)
    assert world.claim() == []
    exchange.switch()
    world.fleet.control("app", app, "resume")
    assert exchange.drained()
    assert world.state(job) == "running"
