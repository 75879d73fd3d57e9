"""docker-compose.yml's services as local processes: each its own command and environment."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from bulkhead.engine.embedded import find_binary
from tests.e2e.product import Product, free_port, measured, people, until

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ROWS = 500


def with_defaults(text):
    """What Compose makes of a value when nothing is set: `${NAME:-default}` → `default`."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "", text)


class Stack:
    """The services of the file on this machine: hosts, ports and mounts are all that differs."""

    def __init__(self, product):
        self.product = product
        self.ports = {"redis:6379": free_port(), "8700": free_port(), "8800": free_port()}
        self.secrets = product.home / "secrets"
        self._make_secrets()
        self.bin = product.home / "bin"
        self.bin.mkdir()
        (self.bin / "redis-server").symlink_to(find_binary())
        for name, words in (("bulkhead", "-m producers.cli"), ("python", "")):
            self._script(name, f'exec {shlex.quote(sys.executable)} {words} "$@"')

    def environment(self, name):
        """The service's own environment, and nothing of ours but a PATH to the programs."""
        given = SERVICES[name].get("environment", {})
        said = {key: self.local(value) for key, value in given.items() if value is not None}
        # The image's own: see Dockerfile.
        image = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HOME": str(self.product.home)}
        home = {"BULKHEAD_HOME": str(self.product.home / "unused")}
        return {"PATH": f"{self.bin}:{os.environ['PATH']}"} | image | home | said

    def local(self, word):
        """A word of the file as it reads on this machine."""
        word = with_defaults(word).replace("/run/secrets", str(self.secrets))
        word = word.replace("http://sandbox:8800", f"http://127.0.0.1:{self.ports['8800']}")
        word = word.replace("0.0.0.0", "127.0.0.1")
        word = re.sub(r"(127\.0\.0\.1:)(8[78]00)", lambda m: m[1] + str(self.ports[m[2]]), word)
        data = self.product.home / "data"
        return str(self.ports.get(word, data if word == "/data" else word))

    def start(self, name, number=1):
        words = [self.local(word) for word in SERVICES[name]["command"]]
        if name == "redis":
            (self.product.home / "data").mkdir()
            port = str(self.ports["redis:6379"])
            words += ["--port", port, "--bind", "127.0.0.1"]
        return self.product.launch(words, f"{name}{number}", self.environment(name), ROOT)

    def run(self, name, words):
        """Run a command inside a service, as Docker would for a healthcheck or a person."""
        return subprocess.run(
            [self.local(word) for word in words],
            env=self.environment(name),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def healthy(self, name):
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.run(name, words).returncode == 0

    def _make_secrets(self):
        spec = importlib.util.spec_from_file_location("secrets_", ROOT / "tools/make_secrets.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.make(self.secrets)
        config = self.secrets / "bulkhead.toml"
        text = config.read_text().replace("@redis:6379", f"@127.0.0.1:{self.ports['redis:6379']}")
        config.chmod(0o600)
        config.write_text(text)

    def _script(self, name, line):
        script = self.bin / name
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)


@pytest.fixture
def stack(home):
    product = Product(home)
    yield Stack(product)
    product.end()


def test_the_services_of_the_compose_file_carry_an_import(stack):
    store = stack.start("redis")
    until(lambda: "Ready to accept" in store.log.read_text())
    sandbox = stack.start("sandbox")
    until(lambda: "listening on" in sandbox.log.read_text())
    assert stack.healthy("sandbox")
    seed = stack.start("seed")
    assert seed.wait(240) == 0, seed.log.read_text()
    replicas = SERVICES["worker"]["deploy"]["replicas"]
    workers = [stack.start("worker", n) for n in range(1, replicas + 1)]
    api = stack.start("api")
    file = people(stack.product.home / "p.csv", ROWS)

    words = ["bulkhead", "users", "import", file, "--app", "demo/shop", "--wait", "-o", "json"]
    done = stack.run("worker", words)

    assert done.returncode == 0, done.stderr
    assert f'"succeeded": {ROWS}' in done.stdout
    url = f"http://127.0.0.1:{stack.ports['8800']}/_sandbox/received?summary=1"
    record = requests.get(url, timeout=60).json()
    assert (record["distinct_keys"], record["requests"]) == (ROWS, ROWS)
    assert stack.healthy("worker")
    until(lambda: stack.healthy("api"))
    for path in ("healthz", "readyz", "metrics"):
        answer = requests.get(f"http://127.0.0.1:{stack.ports['8700']}/{path}", timeout=60)
        assert answer.status_code == 200, path
    assert "bulkhead" in answer.text
    again = stack.start("seed", 2)
    assert again.wait(240) == 0, again.log.read_text()
    assert (stack.product.home / "data").is_dir()
    assert list((stack.product.home / "data").rglob("*.aof"))
    for process in (*workers, api, sandbox):
        process.terminate()
    codes = [process.wait(90) for process in (*workers, api, sandbox)]
    assert codes[:-2] == [0] * replicas, [worker.log.read_text() for worker in workers]
    measured(f"{ROWS} rows through {replicas} workers, api, sandbox and store; exits {codes}")


def test_a_worker_that_has_ended_is_not_healthy(stack):
    store = stack.start("redis")
    until(lambda: "Ready to accept" in store.log.read_text())

    assert not stack.healthy("worker")


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not on PATH")
def test_the_stores_health_check_knows_the_password(stack):
    store = stack.start("redis")
    until(lambda: "Ready to accept" in store.log.read_text())
    kind, script = SERVICES["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    port = stack.ports["redis:6379"]
    here = stack.local(script.replace("redis-cli", f"redis-cli -p {port}"))

    assert subprocess.run(["sh", "-c", here], check=False).returncode == 0
