"""Brakes for many jobs at once, and for a worker."""

import pytest

from bulkhead.engine.brakes import Brakes
from bulkhead.errors import NotFound
from bulkhead.model.ranges import indexes
from tests.fakes.engine import report


def test_every_open_job_is_cancelled_and_what_has_ended_is_no_error(world):
    world.app()
    world.app("other/shop")
    done = world.submit(1)
    world.run_all()
    jobs = [world.submit(3), world.submit(3, "other/shop"), world.submit(3, at=world.wall() + 60)]
    world.jobs.control(jobs[0], "pause")

    cancelled = Brakes(world.scripts).all_jobs("cancel")

    assert sorted(cancelled) == sorted(jobs)
    assert {world.state(job) for job in jobs} == {"cancelled"}
    assert world.state(done) == "completed"
    assert world.claim() == []
    assert Brakes(world.scripts).all_jobs("cancel") == []


def test_one_app_or_one_tenant_can_be_braked_alone(world):
    for name in ("acme/shop", "acme/mail", "other/shop"):
        world.app(name)
    shop, mail, other = (world.submit(3, name) for name in ("acme/shop", "acme/mail", "other/shop"))
    brakes = Brakes(world.scripts)

    assert brakes.all_jobs("pause", app="acme/mail", why="lunch") == [mail]
    assert world.jobs.get(mail).paused == {"by": "user", "why": "lunch"}
    assert brakes.all_jobs("pause", tenant="acme") == [shop]

    assert world.state(other) == "queued"


def test_a_draft_is_left_to_whoever_writes_it(world):
    world.app()
    draft = world.draft()

    assert Brakes(world.scripts).all_jobs("cancel") == []

    world.fill(draft, 2)
    assert world.state(draft.seal({})) == "queued"


def test_a_drained_worker_is_given_nothing_and_others_are(world):
    world.app()
    world.submit(50)
    part = world.begun("w1", items=4)
    world.worker("w2")
    world.redis.delete(world.key("bell", "main"))

    Brakes(world.scripts).drain("w1")

    claim = world.worker("w1").claim(8, 50)
    assert (claim.slices, claim.draining) == ((), True)
    assert world.redis.llen(world.key("bell", "main")) == 1
    assert not world.worker("w2").claim(8, 50).draining
    assert world.settle(report(part, back=[0, 1, 2, 3]), "w1").verdict == "ok"


def test_a_beat_does_not_let_a_drained_worker_take_work_again(world):
    world.app()
    world.submit(5)
    world.worker("w1")
    Brakes(world.scripts).drain("w1")

    world.worker("w1").beat({})

    assert world.worker("w1").claim(8, 50).draining


def test_a_worker_that_is_not_there_is_said_with_the_nearest_name(world):
    world.worker("host-17-beef")

    with pytest.raises(NotFound) as refused:
        Brakes(world.scripts).drain("host-17-bee")

    assert refused.value.to_do == "did you mean host-17-beef? see `bulkhead workers list`"


def test_a_person_who_pauses_a_job_of_a_stopped_app_keeps_it_paused_under_a_new_token(world):
    world.app()
    job, other = world.submit(5), world.submit(5)
    part = world.begun(items=1)
    stopped = ("AUTHFAIL", "bad token")
    world.settle(report(part, again=list(indexes(part.ranges)), stop=stopped))
    assert world.jobs.get(job).paused["by"] == "auth_failure"

    world.jobs.control(job, "pause", why="not today")
    world.fleet.control("app", "acme/shop", "resume")

    assert world.jobs.get(job).paused == {"by": "user", "why": "not today"}
    assert world.state(other) in ("queued", "running")
