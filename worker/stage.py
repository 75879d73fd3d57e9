"""Where the processes of sessions are started: each with a folder and the package it is to load."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import time

from structlog import get_logger

from bulkhead.engine.jobs import Jobs
from bulkhead.engine.sessions import Ask, SenderId
from bulkhead.errors import NotFound
from bulkhead.realtime.package import Package, examine
from bulkhead.realtime.session import Heard, Session, Spec
from bulkhead.secrets import Secret
from bulkhead.settings import Settings

AGAIN = 600.0
"""Seconds after which a package that cannot be used is tried again."""
KEPT = 86_400.0
"""Seconds after which a file that no message has carried is deleted; it is fetched again then."""
SANDBOX = "MESIBO_SANDBOX"
"""Where the stand-in of the sandbox finds it."""


class Stage:
    """One of a worker, used by its keeper alone."""

    def __init__(self, settings: Settings, told: Callable[[Package], None]) -> None:
        """`told` hears what the package was found to be, each time it was tried."""
        self._said = told
        self._root = settings.home / "realtime"
        self._package = settings.realtime_package
        url = settings.realtime_sandbox
        self._environment = {SANDBOX: str(url)} if url else {}
        self._found: Package | None = None
        self._found_at = 0.0
        self._log = get_logger()

    def examined(self, now: float) -> Package:
        """What the package is good for: tried before the first session, and while it is of no use.

        Takes some seconds where it has to be tried.
        """
        known = self._found
        if known and (known.state == "usable" or now < self._found_at + AGAIN):
            return known
        # A folder is one process's: another worker of this home may look at the same time.
        spec = self._spec(f"examined-{os.getpid()}")
        found = examine(spec)
        shutil.rmtree(spec.folder, ignore_errors=True)
        if found.state != "usable" and found != known:
            self._log.error("realtime_unusable", package=found.name, why=found.sentence)
        self._said(found)
        self._found, self._found_at = found, now
        return found

    def start(self, who: SenderId, token: Secret, heard: Callable[[Heard], None]) -> Session:
        """A process that signs this sender in. Raises SessionProblem."""
        session = Session(self._spec(_name(f"{who.app} {who.sender}")), heard)
        session.start(token)
        return session

    def _spec(self, name: str) -> Spec:
        return Spec(self._package, self._root / name, environment=self._environment)


class Files:
    """The files that messages carry: fetched once, and read by processes from the disk."""

    def __init__(self, jobs: Jobs, root: Path) -> None:
        self._jobs = jobs
        self._root = root / "realtime" / "files"

    def path_of(self, ask: Ask) -> str:
        """Where the ask's file is by now; empty if it has none. Raises BulkheadError, OSError."""
        digest = str(ask.about.get("file") or "")
        if not digest:
            return ""
        name = Path(str(ask.about.get("file_name") or "file")).name
        path = self._root / _name(f"{ask.about['job']} {digest}") / name
        if not path.exists():
            content = self._jobs.file(str(ask.about["job"]))
            if content is None:
                raise NotFound(f"{ask.about['job']} has no file", why="it was made without one")
            self._forget_old()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whole at once: another worker of this home may want it, too.
            part = path.with_name(f"{os.getpid()}.part")
            part.write_bytes(content)
            part.replace(path)
        os.utime(path.parent)
        return str(path)

    def _forget_old(self) -> None:
        for folder in self._root.glob("*"):
            if folder.stat().st_mtime < time() - KEPT:
                shutil.rmtree(folder, ignore_errors=True)


def _name(text: str) -> str:
    """A folder's name that says nothing about anybody."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
