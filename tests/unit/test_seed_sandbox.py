"""The compose file's seed, run for real against a server and a command that write down."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SEED = Path(__file__).resolve().parents[2] / "tools/seed_sandbox.py"
TOKEN = "canary-app-token-0123456789abcdef"


@pytest.fixture
def sandbox():
    """A server that keeps (path, JSON) of each POST in `.received`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.received.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=240)


def run_seed(sandbox, folder, exit_code):
    """Run the seed with a `bulkhead` that notes its arguments and ends with `exit_code`."""
    command = folder / "bulkhead"
    command.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/calls"\nexit {exit_code}\n')
    command.chmod(0o755)
    (folder / "token").write_text(f"{TOKEN}\n")
    base = f"http://127.0.0.1:{sandbox.server_port}"
    words = [sys.executable, SEED, "--sandbox", base, "--token-file", folder / "token"]
    done = subprocess.run(words, env={"PATH": str(folder)}, check=False, timeout=240)
    return done.returncode, (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("exit_code", [0, 7], ids=["the first time", "when it was done before"])
def test_the_seed_tells_the_sandbox_and_then_us(sandbox, tmp_path, exit_code):
    code, calls = run_seed(sandbox, tmp_path, exit_code)

    assert code == 0
    assert sandbox.received == [("/_sandbox/apps", {"token": TOKEN, "edition": "cloud"})]
    assert calls[0] == "tenants add demo"
    assert calls[1].startswith("apps add demo/shop --base-url http://127.0.0.1:")
    assert calls[1].endswith("--allow-http")
    assert len(calls) == 2


def test_the_seed_fails_as_the_command_fails(sandbox, tmp_path):
    code, calls = run_seed(sandbox, tmp_path, exit_code=11)

    assert code == 11
    assert len(calls) == 1


def test_the_seed_never_puts_the_token_on_a_command_line(sandbox, tmp_path):
    _, calls = run_seed(sandbox, tmp_path, exit_code=0)

    assert TOKEN not in "".join(calls)
