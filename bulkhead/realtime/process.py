"""Starts a session's process, with the four pipes that lead to it and from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bulkhead.errors import SessionProblem
from bulkhead.realtime.spec import Spec
from bulkhead.settings import narrow_environment


@dataclass(frozen=True, slots=True)
class Process:
    """A running process and our ends of its pipes, none of which ever blocks."""

    popen: subprocess.Popen[bytes]
    orders: int
    told: int
    words: int
    """What its native code prints."""
    life: int
    """Never written to: the process ends when it is closed, also by our own end."""

    def let_go(self) -> None:
        """Close what the process lives by: it ends if it has not yet."""
        os.close(self.orders)
        os.close(self.life)

    def forget(self) -> None:
        """Close what the process was heard by."""
        os.close(self.told)
        os.close(self.words)


def start_process(spec: Spec) -> Process:
    """Raises SessionProblem if the folder cannot be used or nothing can be started."""
    _prepare(spec.folder)
    pipes: list[tuple[int, int]] = []
    try:
        pipes += [os.pipe() for _ in range(4)]
        popen = _popen(pipes, narrow_environment(spec.folder, spec.environment), spec.folder)
    except (OSError, ValueError) as error:
        for pipe in pipes:
            os.close(pipe[0])
            os.close(pipe[1])
        why = getattr(error, "strerror", None) or str(error)
        raise _problem("a process could not be started", why) from error
    orders, told, words, life = pipes
    for fd in (orders[0], told[1], words[1], life[0]):
        os.close(fd)
    for fd in (orders[1], told[0], words[0]):
        os.set_blocking(fd, False)
    return Process(popen, orders[1], told[0], words[0], life[1])


def _popen(
    pipes: list[tuple[int, int]], environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    orders, told, words, life = pipes
    # Whoever prints into a full pipe must lose its words, not wait for us to read them.
    os.set_blocking(words[1], False)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bulkhead.realtime.child", str(told[1]), str(life[0])],
        stdin=orders[0],
        stdout=words[1],
        stderr=words[1],
        pass_fds=(told[1], life[0]),
        env=dict(environment),
        cwd=folder,
        # Ctrl-C on a terminal is for the worker, which ends its sessions in order.
        start_new_session=True,
    )


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _problem("the folder of a session cannot be used", error.strerror or "") from error


def _problem(what: str, why: str) -> SessionProblem:
    return SessionProblem(what, why=why, to_do="let the worker write to BULKHEAD_HOME")
