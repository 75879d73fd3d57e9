"""The product as a person runs it: real commands, in processes and a home of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import requests

COMMAND = [sys.executable, "-m", "producers.cli"]


class Done:
    """A command that has ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Product:
    """One home, and every process started under it; `end` ends them all."""

    def __init__(self, home):
        self.home = home
        self.processes = []
        kept = {name: text for name, text in os.environ.items() if "BULKHEAD" not in name}
        self.environment = kept | {"BULKHEAD_HOME": str(home), "NO_COLOR": "1"}

    def run(self, *words, stdin="", timeout=60, **environment):
        """Run one command to its end."""
        done = subprocess.run(
            [*COMMAND, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment | environment,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words, log=None, **environment):
        """Start one command and let it run; its lines go to `log` under the home."""
        with (self.home / f"{log or words[0]}.log").open("ab") as place:
            process = subprocess.Popen(
                [*COMMAND, *words],
                stdin=subprocess.DEVNULL,
                stdout=place,
                stderr=place,
                env=self.environment | environment,
            )
        process.log = self.home / f"{log or words[0]}.log"
        self.processes.append(process)
        return process

    def up(self, *words, workers=2, port=None):
        """`bulkhead up --sandbox`, returned when it has said that it is up."""
        port, sandbox_port = port or free_port(), free_port()
        process = self.start(
            *("up", "--sandbox", "--workers", str(workers), "--port", str(port)),
            *("--sandbox-port", str(sandbox_port), *words),
        )
        until(lambda: "Ctrl-C ends it" in process.log.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, process.log.read_text()
        process.port, process.sandbox = port, f"http://127.0.0.1:{sandbox_port}"
        return process

    def workers(self):
        """The process ids of the workers that beat."""
        found = self.run("workers", "list", "-o", "json").json
        return [int(worker["pid"]) for worker in found]

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition, seconds=30.0):
    """Wait for a condition with a deadline: its first true value."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        pause.wait(0.05)
    return value


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def people(path, rows, start=0):
    """Write a CSV file of so many good rows."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("address,name\n")
        out.writelines(f"user{n}@example.com,User {n}\n" for n in range(start, start + rows))
    return str(path)


def received(sandbox, token=None, **query):
    """The sandbox's record in summary, for all its apps or one."""
    query = {"summary": "1", **query} | ({"token": token} if token else {})
    return requests.get(f"{sandbox}/_sandbox/received", params=query, timeout=10).json()
