"""Reads what a job waits for, and who is ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bulkhead.engine.jobs import Jobs
from bulkhead.engine.overview import Overview, WorkerNow
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.sessions import Sessions
from bulkhead.model.app import MOST_ADDRESSES
from bulkhead.model.explanation import explain
from bulkhead.model.sender_session import SenderId, SessionView
from bulkhead.model.situation import Hands, Rival, Situation

RIVALS = 200
"""Other jobs of the app that are looked at."""


class Explain:
    """Reads, never writes. Raises NotFound, Unreachable.

    `clock` gives microseconds; without one the store's own clock is asked.
    """

    def __init__(self, scripts: Scripts, clock: Callable[[], float] | None = None) -> None:
        self._redis = scripts.redis
        self._key = scripts.key
        self._overview = Overview(scripts)
        self._clock = clock or self._overview.time
        self._sessions = Sessions(scripts)
        self._jobs = Jobs(scripts, lambda: self._clock() / 1e6)

    def explain(self, job: str) -> dict[str, Any]:
        """Why the job is where it is: facts, sentences (`says`), and commands to act."""
        return explain(self.situation(job))

    def situation(self, job: str) -> Situation:
        """The facts about the job, its app and whoever could run it."""
        known, fields = self._jobs.get(job), self._jobs.fields(job)
        app, tenant = fields["app"], fields["tenant"]
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(self._key("app", app))
        pipe.hgetall(self._key("tenant", tenant))
        pipe.zscore(self._key("wait"), f"a:{app}")
        pipe.zscore(self._key("wait"), f"p:{job}")
        pipe.zcard(self._key("app", app, "retry"))
        pipe.zrange(self._key("app", app, "retry"), 0, 0, withscores=True)
        pipe.llen(self._key("job", job, "redo"))
        pipe.zrange(self._key("app", app, "jobs"), 0, RIVALS)
        raw, owner, app_waits, job_waits, retries, due, redo, jobs = ask(pipe.execute)
        kept = decoded(raw)
        waits = {"app": app_waits, "job": job_waits}
        return Situation(
            now=self._clock(),
            job=known,
            fields=fields,
            app=kept,
            tenant=decoded(owner),
            hands=self._hands(app, kept.get("cell", "main")),
            waits={name: at for name, at in waits.items() if at is not None},
            rivals=self._rivals([one.decode() for one in jobs if one.decode() != job]),
            retries=retries,
            next_retry=due[0][1] if due else None,
            redo=redo,
            session=self._session(fields),
        )

    def _session(self, fields: Mapping[str, str]) -> SessionView | None:
        if not fields.get("sender"):
            return None
        return self._sessions.view(SenderId(fields["app"], fields["sender"]))

    def _rivals(self, jobs: list[str]) -> tuple[Rival, ...]:
        pipe = self._redis.pipeline(transaction=False)
        names = ("weight", "total", "succeeded", "skipped", "failed", "unknown")
        for job in jobs:
            pipe.hmget(self._key("job", job), names)
        found = []
        for job, (weight, total, *settled) in zip(jobs, ask(pipe.execute), strict=True):
            left = int(total or 0) - sum(int(count or 0) for count in settled)
            found.append(Rival(job, float(weight or 4), left))
        return tuple(found)

    def _hands(self, app: str, cell: str) -> Hands:
        workers = [worker for worker in self._overview.workers() if worker.live]
        mine = [worker for worker in workers if worker.cell in (cell, "")]
        return Hands(
            live=len(mine),
            draining=sum(worker.draining for worker in mine),
            elsewhere=len(workers) - len(mine),
            slots=sum(int(worker.slots) for worker in mine if worker.slots.isdigit()),
            taken=self._taken({worker.worker for worker in mine}),
            allowed=self._allowed(app, mine),
        )

    def _taken(self, workers: set[str]) -> int:
        """Lanes that the leases of these workers hold."""
        ids = ask(self._redis.zrange, self._key("lease"), 0, -1)
        pipe = self._redis.pipeline(transaction=False)
        for lease in ids:
            pipe.hmget(self._key("lease", lease.decode()), "worker", "parallel")
        return sum(
            int(parallel or 0)
            for worker, parallel in ask(pipe.execute)
            if worker and worker.decode() in workers
        )

    def _allowed(self, app: str, workers: list[WorkerNow]) -> bool:
        known = ask(self._redis.smembers, self._key("app", app, "egress"))
        if len(known) < MOST_ADDRESSES or not workers:
            return True
        return not known.isdisjoint(worker.egress.encode() for worker in workers)
