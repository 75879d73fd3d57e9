"""The engine on real stores, under a clock that the tests move."""

from contextlib import contextmanager

import pytest

from tests.fakes.engine import World


@contextmanager
def without_sync(redis):
    # What a crash would keep is another test's question; here no step waits for the disk.
    redis.config_set("appendfsync", "no")
    yield redis
    redis.config_set("appendfsync", "always")


@pytest.fixture
def world(any_store):
    """An empty world, once a kind of store."""
    with without_sync(any_store) as redis:
        yield World(redis)


@pytest.fixture
def no_sync(redis):
    """The embedded store for long simulations: they wait for no disk."""
    with without_sync(redis) as client:
        yield client


@pytest.fixture
def valkey_world(no_sync):
    """An empty world on the embedded store only."""
    return World(no_sync)
