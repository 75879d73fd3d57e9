"""Items that were set aside, and events that let some of them go on sooner."""

from tests.fakes.engine import report

APP = "acme/shop"
LATER = 60_000_000


def test_an_event_puts_off_nothing_of_its_app_that_was_due_before_it(world):
    job = _one_waits_a_second_and_one_for_ann(world)
    world.advance(2)
    _others_are_due_now_as_many_as_one_claim_looks_after(world)
    world.advance(1)

    assert world.scripts.run("wake", APP, "ann") == 1

    items = {part.step: part.ranges for part in world.claim()}
    assert items == {"": ((0, 0),), "await": ((1, 1),)}
    world.audit(job)


def test_an_event_brings_an_app_forward_and_leaves_the_rest_to_its_time(world):
    job = _one_waits_a_second_and_one_for_ann(world)

    assert world.scripts.run("wake", APP, "ann") == 1

    assert [(part.step, part.ranges) for part in world.claim()] == [("await", ((1, 1),))]
    world.advance(2)
    assert [(part.step, part.ranges) for part in world.claim()] == [("", ((0, 0),))]
    world.audit(job)


def _one_waits_a_second_and_one_for_ann(world):
    world.app()
    job = world.submit(2)
    waits = [(1, LATER, 0, 7, "await", "ann")]
    world.settle(report(world.begun(), retries=[(0, 1_000_000, 1, 7, "")], waits=waits))
    return job


def _others_are_due_now_as_many_as_one_claim_looks_after(world):
    others = {f"r:acme/other{number}": world.now for number in range(200)}
    world.redis.zadd(world.key("wait"), others)
