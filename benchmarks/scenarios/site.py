"""The whole product and a sandbox, in processes and a home of their own."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import ProxyHandler, Request, build_opener

import psutil

from benchmarks.scenarios.calls import Calls, Log
from bulkhead.client import Bulkhead
from bulkhead.engine.embedded import find

COMMAND = [sys.executable, "-m", "producers.cli"]
STARTED_WITHIN = 120.0
FLUSHED = 0.4
"""Seconds until the sandbox's log has a call: it writes five times a second."""

Seen = TypeVar("Seen")


class NotSeen(Exception):
    """What a scenario waits for did not come: there is no figure."""


class CommandFailed(Exception):
    """A command ended with another code than was expected."""


@dataclass(frozen=True, slots=True)
class App:
    """An app of a scenario; `settings` are spelled as in a fleet file."""

    name: str
    rate: float = 20
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tenant(self) -> str:
        return self.name.split("/", maxsplit=1)[0]


class Site:
    """`bulkhead up` and a sandbox with a log; made by `running`."""

    def __init__(self, home: Path, workers: int) -> None:
        self.home = home
        self._workers = workers
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        kept = {name: text for name, text in os.environ.items() if "BULKHEAD" not in name}
        # A command that compiles all of its modules each time is not what a person runs.
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environ = kept | {"BULKHEAD_HOME": str(home), "NO_COLOR": "1"}
        self._open = build_opener(ProxyHandler({})).open
        self._tokens: dict[str, list[str]] = {}
        self._log = Log(home / "requests.jsonl")

    def start(self) -> None:
        """Returns when the sandbox listens and workers run. Raises NotSeen."""
        log = str(self.home / "requests.jsonl")
        self._start("sandbox", "serve", "--port", "0", "--log", log)
        self.sandbox = self._said("sandbox", r"(http://[^/\s]+)/backend/")
        port = str(_free_port())
        self._start("up", "--workers", str(self._workers), "--port", port)
        self._said("up", r"(Ctrl-C ends it)")
        self.client = Bulkhead(find(self.home) or "")

    def end(self) -> None:
        """Ends every process that was started."""
        if hasattr(self, "client"):
            self.client.close()
        for process in reversed(self._processes.values()):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def add(self, apps: Sequence[App], weights: Mapping[str, float] | None = None) -> None:
        """Registers apps here and in the sandbox, all at once; `weights` are of tenants."""
        tenants = {app.tenant: {"weight": (weights or {}).get(app.tenant, 1)} for app in apps}
        named, environ = {}, {}
        for number, app in enumerate(apps):
            variable = f"APP_TOKEN_{number}"
            environ[variable] = self.token(app.name)
            named[app.name] = {
                "base_url": f"{self.sandbox}/backend/",
                "rate": f"{app.rate:g}/s",
                "token_env": variable,
                **app.settings,
            }
        # JSON is YAML as well.
        fleet = self.home / "fleet.yaml"
        fleet.write_text(json.dumps({"tenants": tenants, "apps": named}))
        self.run("apps", "apply", str(fleet), environ=environ)

    def token(self, app: str, rate: float | None = None) -> str:
        """A new token that the sandbox accepts for an app; `rate` is the sandbox's own limit."""
        # The log shows four characters: they tell the apps apart.
        known = sum(len(tokens) for tokens in self._tokens.values())
        token = f"{secrets.token_hex(22)}{known:04x}"
        self._tokens.setdefault(app, []).append(token)
        self.ask("apps", {"token": token, "edition": "cloud", "rate": rate})
        return token

    def limit(self, app: str, rate: float) -> None:
        """From now on the sandbox answers 429 to this app above so many calls a second."""
        token = self._tokens[app][-1]
        self.ask("apps", {"token": token, "edition": "cloud", "rate": rate})

    def faults(self, *rules: Mapping[str, Any]) -> float:
        """These faults instead of all others; `app` stands for its token. The second they began."""
        given = []
        for rule in rules:
            named = {name: value for name, value in rule.items() if name != "app"}
            given.append(
                named | ({"token": self._tokens[rule["app"]][-1]} if "app" in rule else {})
            )
        self.ask("faults", given)
        return time.time()

    def strangers(self, app: str) -> None:
        """Six other addresses call with the app's token: the vendor disables it for that."""
        body = {"op": "usersget", "token": self._tokens[app][-1], "user": {"address": "x"}}
        for number in range(6):
            self._post("backend/", body, {"X-Sandbox-Peer": f"203.0.113.{number + 1}"})

    def ask(self, name: str, document: object) -> None:
        """Tells the sandbox something."""
        self._post(f"_sandbox/{name}", document, {})

    def calls(self, app: str | None = None) -> Calls:
        """What the sandbox has on its log, of an app under all its tokens or of everybody."""
        time.sleep(FLUSHED)
        everything = self._log.calls()
        if app is None:
            return everything
        labels = {f"…{token[-4:]}" for token in self._tokens[app]}
        return Calls([one for one in everything if one.label in labels])

    def run(
        self, *words: str, environ: Mapping[str, str] | None = None, given: str = "", code: int = 0
    ) -> Any:
        """What a command says as JSON. Raises CommandFailed for another exit code."""
        done = subprocess.run(
            [*COMMAND, *words, "-o", "json"],
            env={**self._environ, **(environ or {})},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != code:
            why = done.stderr.strip()[-1000:]
            raise CommandFailed(f"bulkhead {' '.join(words[:2])}: exit {done.returncode}: {why}")
        return json.loads(done.stdout)

    def submit(self, app: str, name: str, rows: int) -> str:
        """Import a file of so many people into an app and do not wait: the job's id."""
        file = people(self.home / f"{name}.csv", name, rows)
        found: str = self.run("users", "import", str(file), "--app", app)["id"]
        return found

    def order(self, app: str, name: str, rows: int) -> str:
        """The same people by the client, which needs no new process: the job's id."""
        return self.client.import_users(rows_of(name, rows), app=app).id

    def job(self, job: str) -> dict[str, Any]:
        """The job document, by the client: quicker than a command."""
        return self.client.job(job).to_dict()

    def left(self, jobs: Iterable[str]) -> list[int]:
        """How many rows of each job are still to be called."""
        return [self.job(job)["counts"]["pending"] for job in jobs]

    def stop(self, jobs: Iterable[str]) -> None:
        """Cancel what has not ended."""
        for job in jobs:
            if not self.client.job(job).ended:
                self.client.job(job).cancel()

    def wait(self, job: str, seconds: float) -> dict[str, Any]:
        """The document of a job that has ended. Raises NotSeen."""
        return until(lambda: _ended(self.job(job)), seconds, f"the end of {job}")

    def processor_s(self) -> float:
        """Processor seconds that the store, the workers and their parent have used so far."""
        parent = psutil.Process(self._processes["up"].pid)
        used = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
        return sum(one.user + one.system for one in used)

    def log_lines(self) -> str:
        """What `bulkhead up` and its workers said."""
        return (self.home / "up.log").read_text(errors="replace")

    def _start(self, *words: str) -> None:
        with (self.home / f"{words[0]}.log").open("wb") as log:
            self._processes[words[0]] = subprocess.Popen(
                [*COMMAND, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
            )

    def _said(self, name: str, pattern: str) -> str:
        process, log = self._processes[name], self.home / f"{name}.log"
        found = until(
            lambda: re.search(pattern, log.read_text()) or process.poll() is not None,
            STARTED_WITHIN,
            pattern,
        )
        if not isinstance(found, re.Match):
            raise NotSeen(f"it ended at once: {log.read_text()[-2000:]}")
        return str(found[1])

    def _post(self, path: str, document: object, headers: Mapping[str, str]) -> None:
        heads = {"Content-Type": "application/json", **headers}
        body = json.dumps(document).encode()
        with self._open(Request(f"{self.sandbox}/{path}", body, heads), timeout=60) as answer:
            answer.read()


@contextmanager
def running(workers: int = 2) -> Iterator[Site]:
    """A site for as long as the block lasts."""
    home = Path(tempfile.mkdtemp(prefix="bh-"))
    site = Site(home, workers)
    try:
        site.start()
        yield site
    finally:
        site.end()
        shutil.rmtree(home, ignore_errors=True)


def until(look: Callable[[], Seen | None], seconds: float, what: str) -> Seen:
    """The first true value. Raises NotSeen when the time is over."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise NotSeen(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return seen


def people(path: Path, name: str, rows: int) -> Path:
    """A CSV file of so many people, whose addresses begin with a name."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("address,name\n")
        out.writelines(f"{name}-{n}@example.com,User {n}\n" for n in range(rows))
    return path


def conserved(job: Mapping[str, Any]) -> bool:
    """Whether a job's total is the sum of its other counts."""
    counts: Mapping[str, int] = job["counts"]
    return counts["total"] == sum(n for name, n in counts.items() if name != "total")


def rows_of(name: str, rows: int) -> Iterable[dict[str, str]]:
    """The same people, for the client."""
    return ({"address": f"{name}-{n}@example.com", "name": f"User {n}"} for n in range(rows))


def _ended(job: dict[str, Any]) -> dict[str, Any] | None:
    open_states = ("validating", "scheduled", "queued", "running", "paused")
    return None if job["state"] in open_states else job


def _free_port() -> int:
    # Below the kernel's own range: nobody's outgoing connection takes it meanwhile.
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
