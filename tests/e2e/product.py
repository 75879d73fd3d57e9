"""The product as a person runs it: real commands, in processes and a home of their own."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import psutil
import requests

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import find
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.overview import Overview
from bulkhead.engine.script import Scripts
from tests.command import in_process
from tests.e2e.record import Calls

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

    def __init__(self, home, stand_in=None):
        self.home = home
        self._stand_in = stand_in
        self.processes = []
        self.ups = 0
        kept = {name: text for name, text in os.environ.items() if "BULKHEAD" not in name}
        self.environment = kept | {"BULKHEAD_HOME": str(home), "NO_COLOR": "1"}

    def typed(self, *words, stdin="", **environment):
        """A command typed in this process; it must be one that ends by itself."""
        done = in_process(words, self.environment | environment, stdin)
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *words, stdin="", timeout=240, **environment):
        """The same in a process of its own, which costs a second of a core."""
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
        return self.launch([*COMMAND, *words], log or words[0], self.environment | environment)

    def launch(self, words, log, environment, folder=None):
        """Start any program, to be ended with the test."""
        place = self.home / f"{log}.log"
        with place.open("ab") as lines:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                env=environment,
                cwd=folder,
            )
        process.log = place
        self.processes.append(process)
        return process

    def up(self, *words, workers=2, port=None, sandbox=True):
        """`bulkhead up`, with its own sandbox unless told otherwise; returned when it is up."""
        port, sandbox_port = port or free_port(), free_port()
        if sandbox:
            words = ("--sandbox", "--sandbox-port", str(sandbox_port), *words)
        self.ups += 1
        process = self.start(
            *("up", "--workers", str(workers), "--port", str(port), *words), log=f"up{self.ups}"
        )
        until(
            lambda: "Ctrl-C ends it" in process.log.read_text() or process.poll() is not None, 300
        )
        assert process.poll() is None, process.log.read_text()
        process.port, process.sandbox = port, f"http://127.0.0.1:{sandbox_port}"
        return process

    def sandbox(self, *words):
        """A sandbox that does not end with `up`, and writes down every request."""
        if self._stand_in and not words:
            return self._stand_in
        lines = self.home / f"requests{len(self.processes)}.jsonl"
        process = self.start(
            *("sandbox", "serve", "--port", "0", "--log", str(lines), *words),
            log=f"sandbox{len(self.processes)}",
        )
        until(lambda: "listening on" in process.log.read_text() or process.poll() is not None, 240)
        assert process.poll() is None, process.log.read_text()
        return Sandbox(process, lines)

    def app(self, name, sandbox, *words):
        """Register an app with the product and with the sandbox: its token."""
        token = secrets.token_hex(24)
        sandbox.register(token)
        self.typed("tenants", "add", name.split("/")[0])
        given = ("--base-url", f"{sandbox.url}/backend/", "--token-env", "APP_TOKEN", *words)
        done = self.typed("apps", "add", name, *given, APP_TOKEN=token)
        assert done.code == 0, done
        return token

    def submit(self, file, app, *words):
        """Import a file and return at once: the job's id."""
        done = self.typed("users", "import", file, "--app", app, "-o", "json", *words)
        assert done.code == 0, done
        return done.json["id"]

    @contextmanager
    def look(self):
        """The engine's own reader of jobs: much quicker than a command."""
        with connect(find(self.home)) as redis:
            yield Scripts(redis)

    def job(self, job):
        """The job document; its counts add up, whenever it is looked at."""
        with self.look() as scripts:
            found = Jobs(scripts).get(job).to_dict()
        counts = found["counts"]
        assert counts["total"] == sum(n for name, n in counts.items() if name != "total"), counts
        return found

    def jobs(self):
        """The ids of all jobs, the oldest first."""
        with self.look() as scripts:
            return [job.decode() for job in scripts.redis.zrange(scripts.key("jobs"), 0, -1)]

    def wait(self, job, timeout=400):
        """Wait for a job as a script would."""
        return self.typed("jobs", "wait", job, "-o", "json", "--timeout", f"{timeout}s")

    def importing(self, sandbox, rows, limits=(), part=4):
        """Import so many rows into acme/shop until one in `part` was called: token and job."""
        token = self.app("acme/shop", sandbox, *limits)
        job = self.submit(people(self.home / "p.csv", rows), "acme/shop")
        until(lambda: sandbox.count(token) >= rows // part)
        return token, job

    def conserved(self, sandbox, token, job, rows):
        """Wait for the end: every row succeeded, and arrived. The sandbox's record, and the job."""
        done = self.wait(job)
        assert done.code == 0, done
        record = sandbox.received(token)
        assert done.json["counts"]["succeeded"] == record["distinct_keys"] == rows
        return record, done.json

    def workers(self):
        """The process ids of the workers that beat."""
        with self.look() as scripts:
            found = Overview(scripts).workers()
        return sorted(int(worker.pid) for worker in found if worker.live)

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Sandbox:
    """A stand-in mesibo of the test's own."""

    def __init__(self, process, lines):
        self.process, self.lines = process, lines
        self.url = re.search(r"http://[^/\s]+", process.log.read_text())[0]

    def register(self, token, rate=None, **more):
        """Accept a token; above `rate` calls a second the answer is 429."""
        app = {"token": token, "edition": "cloud", "rate": rate, "any_sender": True}
        self._post("apps", app | more)

    def strangers(self, token):
        """Six other addresses call with a token: its app is disabled for that, as mesibo does."""
        body = {"op": "usersget", "token": token, "user": {"address": "x"}}
        for number in range(6):
            peer = {"X-Sandbox-Peer": f"203.0.113.{number + 1}"}
            answer = requests.post(f"{self.url}/backend/", json=body, headers=peer, timeout=60)
            answer.raise_for_status()

    def faults(self, *rules):
        """These rules instead of all others; none clears them."""
        self._post("faults", list(rules))

    def received(self, token=None, **query):
        return received(self.url, token, **query)

    def count(self, token=None):
        return self.received(token)["requests"]

    def calls(self, token=None):
        """What its log says of all apps or of one, when it says all that it received."""
        label = f"…{token[-4:]}" if token else None
        received = self.count(token)
        until(lambda: len(Calls(self.lines, label)) >= received)
        return Calls(self.lines, label)

    def forget(self):
        """No request was ever made: neither in its record nor in its log."""
        self._post("reset", {})
        os.truncate(self.lines, 0)

    def _post(self, name, document):
        requests.post(f"{self.url}/_sandbox/{name}", json=document, timeout=60).raise_for_status()


def measured(text):
    """Show a figure: `pytest -s` prints it, as does a failure."""
    sys.stdout.write(f"\n    measured: {text}\n")


def alive(pid):
    """Whether a process lives; one that ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(process):
    """The process ids of all that a process started, and what those started."""
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


def until(condition, seconds=120.0):
    """Wait for a condition with a deadline: its first true value."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        pause.wait(0.05)
    return value


def free_port():
    """A port that nobody has, and that no call goes out from before it is used.

    One from the kernel's own range could be given to any outgoing connection meanwhile.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def people(path, rows, start=0):
    """Write a CSV file of so many good rows."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("address,name\n")
        out.writelines(f"user{n}@example.com,User {n}\n" for n in range(start, start + rows))
    return str(path)


def received(sandbox, token=None, **query):
    """The sandbox's record in summary, for all its apps or one."""
    query = {"summary": "1", **query} | ({"token": token} if token else {})
    return requests.get(f"{sandbox}/_sandbox/received", params=query, timeout=60).json()
