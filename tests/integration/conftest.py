"""What the integration tests share: worlds around the engine, a transport, a sandbox."""

from contextlib import contextmanager

import pytest

from bulkhead.backend.caller import Caller
from bulkhead.backend.lean import LeanTransport
from bulkhead.backend.transport import Transport
from tests.fakes.bare_client import BareClient
from tests.fakes.engine import World
from tests.fakes.reception import Reception
from tests.integration.sandbox_process import running


@contextmanager
def without_sync(redis):
    # What a crash would keep is another test's question; here no step waits for the disk.
    redis.config_set("appendfsync", "no")
    yield redis
    redis.config_set("appendfsync", "always")


@pytest.fixture
def world(any_store):
    """An empty world, once a kind of store, under a clock that the tests move."""
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


@pytest.fixture(scope="module")
def client(store_server):
    """A program that has Celery, and nothing of ours."""
    made = BareClient(store_server.broker_url)
    yield made
    made.close()


@pytest.fixture
def door(no_sync, store_server):
    """The front door over an empty store, with an app to send to."""
    return Reception(no_sync, store_server.broker_url).app()


@pytest.fixture
def stock():
    """The transport over requests; its connections end with the test."""
    made = Transport()
    yield made
    made.close()


@pytest.fixture
def lean():
    """The transport of the caller's thread, which ends with the test."""
    caller = Caller()
    made = LeanTransport(caller)
    yield made
    made.close()
    caller.close()


@pytest.fixture(params=["lean", "stock"])
def transport(request):
    """Each transport: whatever is said of one is said of both."""
    return request.getfixturevalue(request.param)


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
