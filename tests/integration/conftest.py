"""The engine on real stores, under a clock that the tests move."""

import pytest

from tests.fakes.engine import World


@pytest.fixture
def world(any_store):
    """An empty world, once a kind of store."""
    return World(any_store)


@pytest.fixture
def valkey_world(redis):
    """An empty world on the embedded store only: for long simulations."""
    return World(redis)
