"""What is answered is on disk: the syncs of the store are counted, not its replies believed."""

from itertools import pairwise

import pytest

from bulkhead.model.slice import Begun
from tests.fakes.engine import World
from tests.fakes.syncs import CannotTrace, Syncs


@pytest.fixture
def syncs(redis, store_server):
    """The store's syncs; a machine that lets nobody look is a visible skip."""
    counting = Syncs(store_server.pid)
    try:
        counting.__enter__()
    except CannotTrace as why:
        pytest.skip(f"syncs cannot be counted here: {why}")
    yield counting
    counting.__exit__()


def test_every_submit_is_synced_before_it_is_answered(redis, syncs):
    world = World(redis)
    world.app()
    drafts = [world.draft(params={"n": n}) for n in range(20)]
    for draft in drafts:
        world.fill(draft, 3)
    seen = [syncs.count]

    for draft in drafts:
        draft.seal({"rows": 3})
        seen.append(syncs.count)

    assert all(later > earlier for earlier, later in pairwise(seen)), seen


def test_every_begin_of_calls_that_may_be_made_once_is_synced_before_it_is_answered(redis, syncs):
    world = World(redis)
    world.app(max_in_flight=64)
    for n in range(20):
        world.submit(1, kind="call", repeat="once", params={"n": n})
    parts = world.claim()
    seen = [syncs.count]

    for part in parts:
        assert isinstance(world.begin(part), Begun)
        seen.append(syncs.count)

    assert len(parts) == 20
    assert all(later > earlier for earlier, later in pairwise(seen)), seen


def test_the_count_tells_a_store_that_syncs_every_second_from_one_that_always_does(redis, syncs):
    redis.config_set("appendfsync", "everysec")
    before = syncs.count

    for n in range(200):
        redis.set(f"written-{n}", n)

    after = syncs.count
    redis.config_set("appendfsync", "always")
    assert after - before < 100
