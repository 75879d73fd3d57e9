"""Real servers for every test: one embedded store a test process, a clean one a test."""

import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import hypothesis
import pytest

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore

# A shell's background job ignores Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in each run: a change is judged by what it changes. `make test-slow` draws anew.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new", deadline=None)
hypothesis.settings.load_profile("same")


@pytest.fixture
def eventually():
    """Wait until a condition holds; its value is returned, a deadline fails the test."""

    def wait(condition, seconds=120):
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not (value := condition()):
            assert time.monotonic() < deadline, "it never came true"
            pause.wait(0.01)
        return value

    return wait


@pytest.fixture
def home():
    """A home of its own, on a short path: the path of a socket may have 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _servers():
    """Servers by kind, started when first asked for."""
    running = {}
    folder = Path(tempfile.mkdtemp(prefix="bh-"))

    def serve(kind):
        if kind not in running:
            binary = None
            if kind == "redis":
                found = shutil.which("redis-server")
                if not found:
                    pytest.skip("redis-server is not on PATH: the Redis leg did not run")
                binary = Path(found)
            running[kind] = EmbeddedStore.start(folder / kind, binary)
        return running[kind]

    yield serve
    for server in running.values():
        server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def store_server(_servers):
    """A running EmbeddedStore (Valkey), with `.url` and `.broker_url`."""
    return _servers("valkey")


@pytest.fixture
def redis(store_server):
    """A client of an empty store."""
    with _empty(store_server) as client:
        yield client


@pytest.fixture(params=["valkey", "redis"])
def any_store(request, _servers):
    """A client of an empty store: once on Valkey, once on Debian's redis-server if it is here."""
    with _empty(_servers(request.param)) as client:
        yield client


def _empty(server):
    client = connect(server.url)
    client.flushall()
    return client
