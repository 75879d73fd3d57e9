"""The sandbox as a program: its flags, its start, its end, and how a script replays."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest

from tests.e2e.product import free_port
from tests.integration.sandbox_process import DEADLINE_S, ROOT, TOKEN, running, until


@pytest.fixture
def apps(tmp_path):
    file = tmp_path / "apps.json"
    file.write_text(json.dumps([{"token": TOKEN, "edition": "cloud", "rate": None}]))
    return file


def refused(*flags):
    command = [sys.executable, "-m", "sandbox", *map(str, flags)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE_S
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_with_zero_and_the_log_whole(tmp_path, apps, number):
    log = tmp_path / "log.jsonl"
    with running("--apps", apps, "--log", log) as sandbox:
        sandbox.add("ann")
        sandbox.process.send_signal(number)

        assert sandbox.process.wait(DEADLINE_S) == 0

    assert [json.loads(line)["key"] for line in log.read_text().splitlines()] == ["ann"]


def test_a_log_that_cannot_be_written_ends_it(apps):
    with running("--apps", apps, "--log", "/dev/full") as sandbox:
        sandbox.add("ann")

        assert sandbox.process.wait(DEADLINE_S) == 2


def test_a_stop_does_not_wait_for_a_hanging_call(apps):
    with running("--apps", apps) as sandbox:
        sandbox.faults({"fault": "hang", "s": 3600})
        body = json.dumps({"op": "useradd", "token": TOKEN, "user": {"address": "ann"}})
        with socket.create_connection(("127.0.0.1", sandbox.port)) as link:
            head = f"POST /backend/ HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
            link.sendall((head + body).encode())
            until(sandbox.received, lambda seen: seen["count"] == 1)

            assert sandbox.stop() == 0


def test_a_restart_on_the_same_port_knows_its_apps_and_nothing_else(tmp_path, apps):
    log = tmp_path / "log.jsonl"
    with running("--apps", apps, "--log", log, "--port", free_port()) as first:
        first.add("ann")
        first.stop()

    with running("--apps", apps, "--log", log, "--port", str(first.port)) as second:
        assert second.port == first.port
        assert second.call("usersget")["users"] == []
        assert second.add("bob")["result"] is True
        second.stop()

    keys = [json.loads(line)["key"] for line in log.read_text().splitlines()]
    assert keys == ["ann", "", "bob"]


def outcomes_of_a_script(apps, faults, seed):
    with running("--apps", apps, "--faults", faults, "--seed", seed) as sandbox:
        answers = [sandbox.add(f"user{n}").get("error", "ok") for n in range(60)]
        user = {"address": "ann", "token": {"v2": True}}
        sandbox.control("DELETE", "faults")
        return answers, sandbox.call("useradd", user=user)["user"]["token"]


def test_the_same_seed_replays_a_script_and_another_does_not(tmp_path, apps):
    faults = tmp_path / "faults.json"
    rules = [{"fault": "word", "error": word, "probability": 0.3} for word in ("ONE", "TWO")]
    faults.write_text(json.dumps(rules))

    first, again, other = (outcomes_of_a_script(apps, faults, seed) for seed in (1, 1, 2))

    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    assert set(first[0]) == {"ok", "ONE", "TWO"}


def test_without_apps_every_token_is_refused():
    with running() as sandbox:
        assert sandbox.add()["error"] == "AUTHFAIL"


@pytest.mark.parametrize(
    ("flag", "text", "reason"),
    [
        ("--apps", "{", "not JSON"),
        ("--apps", '[{"token": 5}]', "apps[0].token"),
        ("--faults", '[{"fault": "none"}]', "rules[0].fault"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, flag, text, reason):
    file = tmp_path / "given.json"
    file.write_text(text)

    ended = refused(flag, file)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_file_or_a_taken_port_is_named(tmp_path):
    missing = refused("--apps", tmp_path / "none.json")
    assert (missing.returncode, "none.json" in missing.stderr) == (2, True)

    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        taken = refused("--port", port)
    assert (taken.returncode, str(port) in taken.stderr) == (2, True)
