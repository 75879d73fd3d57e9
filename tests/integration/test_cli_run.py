"""The long-running commands as processes: how they start, what they say, how they end."""

import json
import os
import signal

import psutil
import pytest

from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.overview import Overview
from bulkhead.engine.script import Scripts
from tests.command import KEY, Running, bulkhead


@pytest.fixture
def worker(tmp_path, store_server, redis, home):
    """A worker process on an empty store."""
    settings = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
    with Running(tmp_path, "worker", **settings) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_worker_beats_and_ends_well_when_told(worker, redis, eventually, number):
    eventually(lambda: worker.line("worker_started"))
    eventually(lambda: [w for w in Overview(Scripts(redis)).workers() if w.live])

    code = worker.end(number)

    assert code == 0
    assert worker.stdout == ""
    assert worker.line("worker_stopping")
    assert worker.line("worker_stopped")
    assert not [w for w in Overview(Scripts(redis)).workers() if w.live]


def test_every_line_a_worker_writes_is_a_json_line_of_ours(worker, eventually):
    eventually(lambda: worker.line("worker_started"))

    worker.end()

    lines = [json.loads(line) for line in worker.stderr.splitlines()]
    assert all({"timestamp", "level", "event"} <= set(line) for line in lines)
    assert KEY not in worker.stderr


def test_a_worker_without_a_store_ends_with_11_and_three_lines(home):
    run = bulkhead("worker", redis_url="redis://127.0.0.1:1/0", secret_key=KEY, home=home)

    assert run.returncode == 11
    assert [line.split(":")[0] for line in run.stderr.splitlines()] == ["error", "why", "to do"]
    assert run.stdout == ""


def test_a_worker_survives_its_store(tmp_path, home, eventually):
    with EmbeddedStore.start(home) as store, Running(tmp_path, "worker", home=home) as worker:
        eventually(lambda: worker.line("worker_started"))
        lost = store.pid
        os.kill(lost, signal.SIGKILL)  # its keeper starts it again
        eventually(lambda: worker.line("worker_lost_store"))
        eventually(lambda: bulkhead("health", home=home).returncode == 0)

        assert store.pid != lost
        assert worker.process.poll() is None
        assert worker.end() == 0


def test_a_setting_that_nobody_reads_is_said_in_the_workers_log(
    tmp_path, store_server, redis, home, eventually
):
    settings = {"redis_url": store_server.url, "secret_key": KEY, "home": home, "egres": "x"}
    with Running(tmp_path, "worker", **settings) as worker:
        line = eventually(lambda: worker.line("setting_unknown"))

    assert "did you mean BULKHEAD_EGRESS?" in line["message"]


def test_sandbox_serve_becomes_the_sandbox_with_its_options(tmp_path, eventually):
    words = ("--port", "0", "--seed", "7", "--log", str(tmp_path / "requests.log"))
    with Running(tmp_path, "sandbox", "serve", *words) as running:
        line = eventually(lambda: command_line(running.process.pid, "-m", "sandbox"))

    assert line[line.index("sandbox") + 1 :] == ["--host", "127.0.0.1", *words]


def test_the_command_is_also_a_module():
    assert bulkhead("version").returncode == 0


def command_line(pid, *part):
    """The words of a process once it has become what these words start."""
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return None
    return words if " ".join(part) in " ".join(words) else None
