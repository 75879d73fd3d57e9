"""For pytest: `pytest_plugins = ["bulkhead.testing"]` runs the product for your tests.

Store, a worker and a stand-in mesibo in a folder of their own, for one test session; a site of
yours is neither looked for nor touched.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkhead.client import Bulkhead
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import find
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.script import Scripts
from bulkhead.errors import NotFound, Unreachable
from bulkhead.settings import fresh_environment

TENANT, APP = "demo", "demo/shop"
UP_WITHIN, ENDS_WITHIN = 60.0, 30.0
LOOK_EVERY = 0.05
"""Seconds."""


@dataclass(frozen=True, slots=True)
class TestSite:
    """A running product: `environ` is what a program needs to find it."""

    __test__ = False

    store_url: str
    home: Path
    sandbox_url: str
    """Where the stand-in mesibo answers; its own endpoints are below `/_sandbox/`."""

    @property
    def environ(self) -> dict[str, str]:
        """Settings for `Bulkhead.from_env`, or for a process of yours."""
        return {"BULKHEAD_HOME": str(self.home), "BULKHEAD_TENANT": TENANT}


@pytest.fixture(scope="session")
def bulkhead_site() -> Iterator[TestSite]:
    """The product with the app `demo/shop`, for the whole session."""
    # The path of a socket may have 100 bytes, too few for a folder of pytest's own.
    home = Path(tempfile.mkdtemp(prefix="bh-"))
    log = home / "up.log"
    words = ("up", "--sandbox", "--workers", "1", "--port", "0", "--sandbox-port", "0")
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "producers.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
            env=fresh_environment(home),
        )
    try:
        yield _when_up(home, process)
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def bulkhead_client(bulkhead_site: TestSite) -> Iterator[Bulkhead]:
    """A client of the product that the session runs; its app is `shop`."""
    with Bulkhead.from_env(bulkhead_site.environ) as client:
        yield client


def _when_up(home: Path, process: subprocess.Popen[bytes]) -> TestSite:
    deadline = time.monotonic() + UP_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        url = find(home)
        if url is not None and (sandbox := _sandbox(url)) is not None:
            return TestSite(url, home, sandbox)
        time.sleep(LOOK_EVERY)
    said = (home / "up.log").read_text(errors="replace")[-2000:]
    raise Unreachable("the product did not start", why=said, to_do="run `bulkhead doctor`")


def _sandbox(url: str) -> str | None:
    """Where the stand-in answers, once a worker is there to call it."""
    try:
        with connect(url) as redis:
            fleet = Fleet(Scripts(redis))
            base_url = fleet.app(APP).settings.base_url
            return base_url.removesuffix("/backend/") if fleet.workers() else None
    except (NotFound, Unreachable):
        return None
