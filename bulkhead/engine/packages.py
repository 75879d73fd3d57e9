"""What each worker found when it looked at its real-time package: beside the worker's beats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bulkhead.engine.overview import Overview
from bulkhead.engine.script import Scripts, ask

if TYPE_CHECKING:
    from bulkhead.realtime.package import Package

FIELD = "package"


class Packages:
    """Raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def say(self, worker: str, found: Mapping[str, Any]) -> None:
        """Write down what this worker found: name, version, built, state and sentence."""
        name = self._scripts.key("worker", worker)
        ask(self._scripts.redis.hset, name, FIELD, json.dumps(dict(found)))

    def found(self, worker: str, package: Package) -> None:
        """Write down what this worker found its package to be."""
        told = {name: getattr(package, name) for name in ("name", "version", "built", "state")}
        self.say(worker, {**told, "sentence": package.sentence})

    def of_workers(self) -> dict[str, dict[str, Any] | None]:
        """Each living worker, and what it found; None for one that has not looked yet."""
        names = [one.worker for one in Overview(self._scripts).workers() if one.live]
        pipe = self._scripts.redis.pipeline(transaction=False)
        for name in names:
            pipe.hget(self._scripts.key("worker", name), FIELD)
        told = ask(pipe.execute) if names else []
        return {
            name: json.loads(said) if said else None for name, said in zip(names, told, strict=True)
        }
