"""For pytest: `pytest_plugins = ["sandbox.testing"]` gives tests a stand-in mesibo.

It needs nothing but pytest, and ends with the test session.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest

ANSWERS_WITHIN = 10.0
"""Seconds."""


class Sandbox:
    """A stand-in mesibo that listens on a port of this machine."""

    def __init__(self, url: str) -> None:
        self.url = url
        # A proxy set for the world outside must not be asked for this machine.
        self._open = build_opener(ProxyHandler({})).open

    @property
    def backend_url(self) -> str:
        """What to give `bulkhead apps add --base-url`, or any client of mesibo's backend API."""
        return f"{self.url}/backend/"

    def register(
        self, token: str, *, edition: str = "cloud", rate: float | None = None, **more: Any
    ) -> None:
        """Accept this app token from now on; `rate` is in calls a second.

        `more`: see docs/reference/sandbox.md, "Push"; such as `webhook={"url": …}`.
        """
        self._ask("POST", "apps", {"token": token, "edition": edition, "rate": rate, **more})

    def faults(self, *rules: dict[str, Any]) -> None:
        """Let these things go wrong instead of all others; none clears them. Raises ValueError."""
        self._ask("POST", "faults", list(rules))

    def received(self, **query: str | float) -> Any:
        """What was received: see docs/reference/sandbox.md, "The record"."""
        return self._ask("GET", f"received?{urlencode(query)}")

    def push(self, token: str, **query: str | int) -> Any:
        """What an app was told about push; with `bytes=1` the files themselves, in base64."""
        return self._ask("GET", f"push?{urlencode({'token': token, **query})}")

    def groups(self, token: str, **query: str | int) -> Any:
        """Every group of an app with its members and their rights; narrowed by `gid` or `name`."""
        return self._ask("GET", f"groups?{urlencode({'token': token, **query})}")["groups"]

    def partial_members(self, token: str, on: bool = True) -> None:
        """Let a list of members with a stranger in it be carried out but for the stranger."""
        self._ask("POST", "groups", {"token": token, "partial_members": on})

    def receipts(self, token: str, **chosen: Any) -> Any:
        """Tell `webhook` what becomes of messages as `receipts` says; None ends either.

        See docs/reference/sandbox.md, "Messages".
        """
        return self._ask("POST", "receipts", {"token": token, **chosen})["receipts"]

    def messages(self, token: str, **query: str | int) -> Any:
        """How many messages were taken, for how many recipients; with `keys=1` for each."""
        return self._ask("GET", f"messages?{urlencode({'token': token, **query})}")

    def realtime(self, token: str, **query: str | int) -> Any:
        """Who is signed in and what was accepted; with `keys=1` each message."""
        return self._ask("GET", f"realtime?{urlencode({'token': token, **query})}")

    def at_realtime(self, token: str, do: str, **about: Any) -> Any:
        """Let something happen there: see docs/reference/sandbox.md, "Real-time"."""
        return self._ask("POST", "realtime", {"token": token, "do": do, **about})

    def reset(self) -> None:
        """Forget users, groups, faults and the record; the apps stay."""
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, document: object = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = Request(f"{self.url}/_sandbox/{path}", body, method=method)  # noqa: S310 - ours
        try:
            with self._open(request, timeout=ANSWERS_WITHIN) as answer:
                return json.loads(answer.read())
        except HTTPError as refusal:
            with refusal:
                raise ValueError(json.loads(refusal.read())["error"]) from None


@pytest.fixture(scope="session")
def mesibo_sandbox_process() -> Iterator[Sandbox]:
    """One sandbox for the whole session; tests ask for `mesibo_sandbox`."""
    # -P: a file of the tested project must not pass itself off as the module.
    command = [sys.executable, "-P", "-m", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            said = process.stdout.readline()
            found = re.search(r"http://[^/\s]+", said)
            if found is None:
                raise RuntimeError(
                    f"the sandbox did not start: {said.strip() or 'it said nothing'}"
                )
            yield Sandbox(found[0])
        finally:
            process.terminate()


@pytest.fixture
def mesibo_sandbox(mesibo_sandbox_process: Sandbox) -> Sandbox:
    """A sandbox without users, faults or record; register an app token before it is called."""
    mesibo_sandbox_process.reset()
    return mesibo_sandbox_process
