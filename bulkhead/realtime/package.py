"""Whether the installed package starts at all, found out in a process of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from bulkhead.errors import SessionProblem
from bulkhead.realtime.session import Heard, Session, Spec
from bulkhead.secrets import Secret

USABLE = "usable"
TOO_OLD = "too_old"
MISSING = "missing"
BROKEN = "broken"

_NOBODY = "nobody"
"""Of no token's form: the package refuses it without asking anybody."""
_SILENCE_S = 3.0
_BUILT = re.compile(r"\bbuilt:? (\d{4}-\d\d-\d\d)")
_INSTEAD = "use --via backend"


@dataclass(frozen=True, slots=True)
class Package:
    """What is installed: `state` is usable, too_old, missing or broken."""

    name: str
    version: str
    built: str
    """The day, such as 2024-11-21; empty if nothing says."""
    state: str
    why: str = ""
    """What was seen of one that is broken."""

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, in one sentence; empty if nothing is."""
        if self.state == USABLE:
            return ""
        if self.state == TOO_OLD:
            built = f"built {self.built}, " if self.built else ""
            return (
                f"the installed {self.name} package refuses to start ({built}reports itself too "
                f"old): install a newer release or {_INSTEAD}"
            )
        if self.state == MISSING:
            return (
                f"the {self.name} package is not installed: install it, which needs Python 3.13 or "
                f"older, or {_INSTEAD}"
            )
        return f"the installed {self.name} package cannot be used ({self.why}): {_INSTEAD}"


def examine(spec: Spec, seconds: float = 10.0) -> Package:
    """Start the package with a token that nobody has; takes up to so many seconds, and no network.

    A release that works says at once that the token is not accepted. One that is too old says
    nothing to its listener.
    """
    heard: SimpleQueue[Heard] = SimpleQueue()
    session = Session(spec, heard.put)
    try:
        session.start(Secret(_NOBODY))
    except SessionProblem as problem:
        return Package(spec.package, "", "", BROKEN, f"{problem.what}: {problem.why}")
    try:
        return _judge(spec.package, session, heard, time.monotonic() + seconds)
    finally:
        session.close(0.5)


def _judge(name: str, session: Session, heard: SimpleQueue[Heard], until: float) -> Package:
    started: dict[str, Any] = {}
    called = False
    while True:
        try:
            one = heard.get(timeout=max(until - time.monotonic(), 0.01))
        except Empty:
            break
        if one.kind == "connection":
            called = True
        elif one.kind == "ended":
            state = MISSING if one.about["why"] == "missing" else BROKEN
            return _package(name, started, state, why=_end_of(one.about))
        elif one.kind == "started":
            started = dict(one.about)
            until = min(until, time.monotonic() + _SILENCE_S)
        if started and (called or _says_too_old(session)):
            break
    built = _BUILT.search(session.said)
    if built and not started.get("built"):
        started["built"] = built[1]
    if not started:
        return _package(name, started, BROKEN, why="it does not come back from its start")
    return _package(name, started, USABLE if called else TOO_OLD)


def _says_too_old(session: Session) -> bool:
    return "too old" in session.said.lower()


def _package(name: str, started: dict[str, Any], state: str, why: str = "") -> Package:
    return Package(name, started.get("version", ""), started.get("built", ""), state, why)


def _end_of(about: Mapping[str, Any]) -> str:
    if about["signal"]:
        return f"its process ended by {about['signal']}"
    if about["why"] == "hung":
        return "it does not come back from its start"
    last = str(about["said"]).strip().splitlines()[-1:] or ["its process ended"]
    return last[0][:200]
