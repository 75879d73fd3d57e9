"""What a refusal of the store means for whoever asked: ask again, or never again."""

import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError

from bulkhead.engine.script import trouble
from bulkhead.errors import BulkheadError, StoreFull, Unreachable


@pytest.mark.parametrize(
    "error",
    [BusyLoadingError("loading"), ReadOnlyError("a replica"), ResponseError("MISCONF disk")],
)
def test_a_refusal_that_will_pass_may_be_asked_again(error):
    assert isinstance(trouble(error), Unreachable)


def test_a_full_store_is_told_apart():
    assert isinstance(trouble(OutOfMemoryError("over")), StoreFull)


def test_a_command_that_the_store_will_never_take_is_not_asked_again(redis):
    redis.set("name", "text")

    with pytest.raises(ResponseError) as refused:
        redis.lpush("name", "x")

    assert not isinstance(trouble(refused.value), Unreachable)
    assert isinstance(trouble(refused.value), BulkheadError)


def test_a_worker_that_was_told_to_stop_is_no_evidence_against_its_items(world):
    world.app()
    job = world.submit(1)
    for turn in range(6):
        name = f"w{turn}"
        world.begun(name)
        world.worker(name).leave()
        world.worker("reaper").reap()

    assert world.counts(job).failed == 0
    assert world.counts(job).pending == 1
