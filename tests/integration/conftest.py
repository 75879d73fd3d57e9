"""What the integration tests share: worlds around the engine, a transport, a sandbox."""

import pytest

from bulkhead.backend.transport import Transport
from tests.fakes.engine import World
from tests.integration.sandbox_process import running


@pytest.fixture
def world(any_store):
    """An empty world, once a kind of store, under a clock that the tests move."""
    return World(any_store)


@pytest.fixture
def valkey_world(redis):
    """An empty world on the embedded store only: for long simulations."""
    return World(redis)


@pytest.fixture
def transport():
    """A transport whose connections end with the test."""
    transport = Transport()
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def process():
    """One sandbox process for a module, with a seed."""
    with running("--seed", 5) as server:
        yield server


@pytest.fixture
def sandbox(process):
    """The module's sandbox, knowing one app and nothing else."""
    process.control("POST", "reset")
    process.register()
    return process
