"""Notices: job documents that somebody asked for, kept until they are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import FOLDER, Scripts, ask
from bulkhead.errors import NotFound


@dataclass(frozen=True, slots=True)
class Notice:
    """A job document, and the task and queue of the program that wants it."""

    task: str
    queue: str
    job: Mapping[str, Any]


class Notices:
    """The list of what is to be told; scripts append the jobs that ended. Raises Unreachable."""

    def __init__(self, scripts: Scripts, worker: str) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._jobs = Jobs(scripts)
        self._worker = worker
        self._take = scripts.redis.register_script((FOLDER / "take.lua").read_text())
        self._adopt = scripts.redis.register_script((FOLDER / "adopt.lua").read_text())

    def add(self, to: str, job: Mapping[str, Any]) -> None:
        """Have this document sent; `to` is the JSON that a job keeps as its `notify`."""
        entry = json.dumps({"to": json.loads(to), "job": job}, ensure_ascii=True)
        ask(self._redis.lpush, self._scripts.key("notify"), entry)

    def take(self) -> bytes | None:
        """The oldest entry, in our hand until `done`; one in hand already comes first."""
        keys = [self._mine(self._worker), self._scripts.key("notify")]
        found: bytes | None = ask(self._take, keys=keys)
        return found

    def read(self, entry: bytes) -> Notice | None:
        """What an entry tells whom; None when its job is forgotten by now."""
        if not entry.startswith(b"{"):
            return self._ended(entry.decode())
        told = json.loads(entry)
        return Notice(told["to"]["task"], told["to"]["queue"], told["job"])

    def done(self, entry: bytes) -> None:
        """Forget an entry that was sent, or never can be."""
        ask(self._redis.lrem, self._mine(self._worker), 1, entry)

    def adopt(self, worker: str) -> int:
        """Queue again what a dead worker had in hand; how many notices that were."""
        keys = [self._mine(worker), self._scripts.key("notify")]
        return int(ask(self._adopt, keys=keys))

    def _ended(self, job: str) -> Notice | None:
        try:
            to = json.loads(self._jobs.fields(job)["notify"])
            return Notice(to["task"], to["queue"], self._jobs.get(job).to_dict())
        except NotFound:
            return None

    def _mine(self, worker: str) -> str:
        return self._scripts.key("notifying", worker)
