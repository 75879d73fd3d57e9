"""`status --watch`: on a terminal and off it, through a store that goes away, until Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest

from bulkhead.engine.embedded import EmbeddedStore
from tests.command import KEY, ROOT, environment

COMMAND = [sys.executable, "-m", "producers.cli", "status", "--watch"]


@contextmanager
def watching(settings, stdout):
    process = subprocess.Popen(
        COMMAND, env=environment(**settings), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def terminal():
    """A terminal to write to, and all that was written."""
    ours, theirs = pty.openpty()
    said = bytearray()

    def read():
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 65536):
                said.extend(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    yield theirs, said
    os.close(theirs)
    reader.join(60)
    os.close(ours)


def test_on_a_terminal_the_picture_is_drawn_again_until_ctrl_c(
    store_server, redis, home, terminal, eventually
):
    theirs, said = terminal
    settings = {"redis_url": store_server.url, "secret_key": KEY, "home": home}

    with watching(settings, theirs) as process:
        eventually(lambda: said.count(b"jobs      none") >= 2)
        redis.sadd("{bulkhead}:app:acme/shop:open", "job_1")
        redis.sadd("{bulkhead}:apps", "acme/shop")
        job = {"tenant": "acme", "app": "acme/shop", "state": "running", "total": 1}
        redis.hset("{bulkhead}:job:job_1", mapping=job)
        eventually(lambda: b"jobs      1 running" in said)
        process.send_signal(signal.SIGINT)

        assert process.wait(120) == 130

    assert b"Traceback" not in said


def test_a_store_that_goes_away_is_waited_for(home, tmp_path, eventually):
    watched = tmp_path / "watched"

    def lines():
        return watched.read_text().splitlines()

    with watched.open("w") as out:
        store = EmbeddedStore.start(home)
        with watching({"home": home}, out) as process:
            eventually(lines)
            store.stop()
            seen = len(lines())
            with EmbeddedStore.start(home):
                eventually(lambda: len(lines()) > seen + 1)
            process.send_signal(signal.SIGINT)

            assert process.wait(120) == 130

    assert all("unlisted_words" in json.loads(line) for line in lines())
