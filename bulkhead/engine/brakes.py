"""Brakes for many at once: every open job of an app, a tenant or the site; and a worker's last."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import NotFound


class Brakes:
    """Every method raises Unreachable when the store is away."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._key = scripts.key

    def all_jobs(
        self, verb: str, *, app: str | None = None, tenant: str | None = None, why: str = ""
    ) -> list[str]:
        """`pause` or `cancel` each job that is open now: the ids of those that this changed.

        A script call a job, so that no other call waits for all of them. A job that has ended
        meanwhile, or is paused already, is passed over.
        """
        changed = []
        for job in self.open_jobs(app, tenant):
            verdict, _ = self._scripts.run("control", "job", job, verb, "", "user", why)
            if verdict == b"ok":
                changed.append(job)
        return changed

    def open_jobs(self, app: str | None = None, tenant: str | None = None) -> list[str]:
        """The ids of sealed jobs that have not ended, oldest first."""
        found: list[str] = []
        for name in self._apps(app, tenant):
            found += [
                job.decode() for job in ask(self._redis.smembers, self._key("app", name, "open"))
            ]
        return sorted(found)

    def drain(self, worker: str) -> None:
        """Have a worker take nothing new and end when what it holds is done. Raises NotFound."""
        verdict, _ = self._scripts.run("control", "worker", worker, "drain", "", "user", "")
        if verdict == b"ok":
            return
        names = [name.decode() for name in ask(self._redis.zrange, self._key("worker"), 0, -1)]
        near = difflib.get_close_matches(worker, names, n=1)
        raise NotFound(
            f"there is no worker {worker}",
            why="none of this name has beaten lately",
            to_do=(f"did you mean {near[0]}? " if near else "") + "see `bulkhead workers list`",
        )

    def _apps(self, app: str | None, tenant: str | None) -> Iterator[str]:
        if app:
            yield app
        else:
            parts = ("tenant", tenant, "apps") if tenant else ("apps",)
            yield from (name.decode() for name in ask(self._redis.smembers, self._key(*parts)))
