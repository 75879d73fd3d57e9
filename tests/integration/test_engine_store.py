"""The store itself misbehaves: scripts forgotten, memory full."""

import pytest

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import Scripts
from bulkhead.errors import StoreFull, Unreachable
from bulkhead.model.batch import Batch
from tests.fakes.engine import World


def test_forgotten_scripts_are_loaded_again_in_the_middle_of_a_job(world):
    world.app()
    job = world.submit(8)
    world.redis.script_flush()
    (part,) = world.claim()
    world.redis.script_flush()
    world.begin(part)
    world.redis.script_flush()
    world.finish(part)
    world.redis.script_flush()
    world.worker().reap()

    assert world.state(job) == "completed"


def test_a_full_store_refuses_new_jobs_and_finishes_what_it_accepted(home):
    with EmbeddedStore.start(home) as store:
        world = World(connect(store.url))
        world.app()
        job = world.submit(16)
        (first,), (second,) = world.claim(items=8), world.claim(items=8)
        world.begin(first)
        draft = world.draft()
        world.fill(draft, 10)
        world.redis.config_set("maxmemory", "1mb")

        with pytest.raises(StoreFull):
            draft.seal({})
        with pytest.raises(StoreFull):
            world.draft()
        with pytest.raises(StoreFull):
            world.claim()
        world.begin(second)
        world.finish(first)
        world.finish(second)
        world.worker().reap()
        world.fleet.control("app", "acme/shop", "pause")

        assert world.counts(job).succeeded == 16
        assert world.state(job) == "completed"


def test_a_full_store_is_told_without_the_rows_that_did_not_fit(home):
    with EmbeddedStore.start(home) as store:
        world = World(connect(store.url))
        world.app()
        draft = world.draft()
        draft.take(Batch([2], [["ann@example.com"]], {}))
        world.redis.config_set("maxmemory", "1mb")

        with pytest.raises(StoreFull) as full:
            draft.seal({})

        assert "ann" not in full.value.why + full.value.what


def test_a_store_that_is_gone_is_unreachable(home):
    with EmbeddedStore.start(home) as store:
        redis = connect(store.url)

    with pytest.raises(Unreachable):
        Scripts(redis).run("beat", "w1", 8)


def test_the_real_clock_never_runs_backwards(any_store):
    scripts = Scripts(any_store)
    scripts.run("beat", "w1", 8)
    ahead = int(any_store.get(scripts.key("clock"))) + 60_000_000
    any_store.set(scripts.key("clock"), ahead)

    scripts.run("beat", "w1", 8)

    assert int(any_store.hget(scripts.key("worker", "w1"), "beat_at")) == ahead
