"""What the whole site does now: for `status`, for `/metrics`, and for nobody's decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bulkhead.engine.app_now import AppNow, app_now
from bulkhead.engine.document import counts_in
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.wordbook import Seen, WordBook
from bulkhead.model.job import Counts, JobState

NEWEST_JOBS = 10_000
"""Ended jobs beyond these are not read: one look must stay cheap."""
AT_ONCE = 1_000
_JOB = (
    *("tenant", "app", "state", "total", "succeeded", "skipped", "failed", "unknown", "in_flight"),
    *("calls", "retries", "validated_at"),
)
REAPED = ("workers", "granted", "begun", "unknown", "poison")
"""What reap counts: workers that died, leases that ended, and rows that did with them."""


@dataclass(frozen=True, slots=True)
class StoreNow:
    """The server itself. Memory in bytes; a maximum of 0 means no limit."""

    server: str
    version: str
    memory_used: int
    memory_max: int


@dataclass(frozen=True, slots=True)
class WorkerNow:
    """One worker that beat lately. `beat_age` in seconds, by the store's clock."""

    worker: str
    host: str
    pid: str
    cell: str
    egress: str
    version: str
    slots: str
    beat_age: float | None
    live: bool
    draining: bool


@dataclass(frozen=True, slots=True)
class JobNow:
    """One job with its counts."""

    tenant: str
    app: str
    state: JobState
    counts: Counts
    calls: int = 0
    retries: int = 0
    age: float = 0.0
    """Seconds since it was accepted."""


@dataclass(frozen=True, slots=True)
class Now:
    """All of it, read within a moment; its parts may be that moment apart."""

    store: StoreNow
    workers: tuple[WorkerNow, ...]
    apps: tuple[AppNow, ...]
    jobs: tuple[JobNow, ...] = field(repr=False)
    leases: int
    waiting: int
    oldest_due: float
    """Seconds that the oldest due entry has waited for a worker; 0 if none is due."""
    oldest: str = ""
    """The app or the job that the oldest due entry is for; empty if none is due."""
    dead: int = 0
    """Submissions through other doors that were not understood, and are kept for a person."""
    reaped: Mapping[str, int] = field(default_factory=dict)
    """How much was ended of each of REAPED, since the store was made."""
    at: float = 0.0
    """The store's clock, in microseconds."""
    unlisted: tuple[Seen, ...] = ()
    """Words of backends that nobody has listed, the one heard last first."""
    unfired: float = 0.0
    """Seconds by which the schedule that is due longest is late; 0 if none is."""

    @property
    def live_workers(self) -> int:
        return sum(worker.live for worker in self.workers)


class Overview:
    """Reads, never writes. Every method raises Unreachable when the store is away."""

    def __init__(self, scripts: Scripts) -> None:
        self._words = WordBook(scripts)
        self._redis = scripts.redis
        self._key = scripts.key

    def read(self, newest: int = NEWEST_JOBS) -> Now:
        """Everything, in a few round trips; the time grows with apps and jobs.

        Of the jobs the open ones, and the newest so many whatever their state.
        """
        now = self.time()
        apps = self._names("apps")
        (leases, waiting, oldest, reaped, next_firing) = self._many(
            [
                lambda pipe: pipe.zcard(self._key("lease")),
                lambda pipe: pipe.zcard(self._key("wait")),
                lambda pipe: pipe.zrange(self._key("wait"), 0, 0, withscores=True),
                _all_of(self._key("reaped")),
                lambda pipe: pipe.zrange(self._key("schedule"), 0, 0, withscores=True),
            ]
        )
        return Now(
            store=self.store(),
            workers=self.workers(),
            apps=self._apps(apps, now),
            jobs=self._jobs(apps, newest, now),
            leases=leases,
            waiting=waiting,
            oldest_due=max(0.0, now - oldest[0][1]) / 1e6 if oldest else 0.0,
            oldest=_entry(oldest[0][0]) if oldest and oldest[0][1] <= now else "",
            dead=self.dead(),
            reaped={name: int(decoded(reaped).get(name, 0)) for name in REAPED},
            at=now,
            unlisted=tuple(self._words.unlisted()),
            # Schedules go by the wall clock, which the engine's may be ahead of.
            unfired=_late(now - self.ahead(), next_firing),
        )

    def time(self) -> float:
        """The engine's clock, in microseconds: the store's, and what it is ahead of that."""
        seconds, microseconds = ask(self._redis.time)
        return float(seconds * 1_000_000 + microseconds) + self.ahead()

    def ahead(self) -> float:
        """Microseconds that the engine's clock is ahead of the store's, which was set back."""
        return float(ask(self._redis.get, self._key("clock", "ahead")) or 0)

    def dead(self) -> int:
        """How many dead submissions are kept, in whatever kind of key."""
        name = self._key("dead")
        counted = {
            b"list": self._redis.llen,
            b"zset": self._redis.zcard,
            b"hash": self._redis.hlen,
            b"stream": self._redis.xlen,
        }
        count = counted.get(ask(self._redis.type, name))
        return int(ask(count, name)) if count else 0

    def store(self) -> StoreNow:
        """The server: what it is and how full."""
        told = ask(self._redis.info)
        server = "valkey" if "valkey_version" in told else "redis"
        return StoreNow(
            server=server,
            version=str(told.get(f"{server}_version", "")),
            memory_used=int(told.get("used_memory", 0)),
            memory_max=int(told.get("maxmemory", 0)),
        )

    def workers(self) -> tuple[WorkerNow, ...]:
        """Every worker that has beaten lately, the living ones first."""
        now = self.time()
        pairs = ask(self._redis.zrange, self._key("worker"), 0, -1, withscores=True)
        names = [name.decode() for name, _ in pairs]
        said = self._many([_all_of(self._key("worker", name)) for name in names])
        found = [
            _worker(name, decoded(facts), ends, now)
            for name, (_, ends), facts in zip(names, pairs, said, strict=True)
            # Nothing is left of one that was found dead between the two looks.
            if facts
        ]
        return tuple(sorted(found, key=lambda worker: (not worker.live, worker.worker)))

    def app(self, name: str) -> AppNow:
        """One app that exists."""
        return self._apps([name], self.time())[0]

    def _apps(self, names: list[str], now: float) -> tuple[AppNow, ...]:
        tenants = sorted({name.split("/")[0] for name in names})
        owners = self._many([_all_of(self._key("tenant", tenant)) for tenant in tenants])
        tenant_facts = dict(zip(tenants, map(decoded, owners), strict=True))
        kept = self._many([_all_of(self._key("app", name)) for name in names])
        retries = self._many([_size_of(self._key("app", name, "retry")) for name in names])
        return tuple(
            replace(
                app_now(name, decoded(facts), tenant_facts[name.split("/")[0]], now), retries=many
            )
            for name, facts, many in zip(names, kept, retries, strict=True)
        )

    def _jobs(self, apps: list[str], newest: int, now: float) -> tuple[JobNow, ...]:
        name = self._key("jobs")
        last = ask(self._redis.zrevrange, name, 0, newest - 1) if newest else []
        open_ = self._many([_members_of(self._key("app", app, "open")) for app in apps])
        ids = dict.fromkeys(job.decode() for part in (last, *open_) for job in part)
        rows = self._many([_fields_of(self._key("job", job)) for job in ids])
        return tuple(_job(row, now) for row in rows if row[2] is not None)

    def _names(self, *parts: str) -> list[str]:
        return sorted(name.decode() for name in ask(self._redis.smembers, self._key(*parts)))

    def _many(self, commands: Iterable[Callable[[Any], Any]]) -> list[Any]:
        """The answers to many commands, a thousand a round trip."""
        waiting, answers = list(commands), []
        for start in range(0, len(waiting), AT_ONCE):
            pipe = self._redis.pipeline(transaction=False)
            for command in waiting[start : start + AT_ONCE]:
                command(pipe)
            answers += ask(pipe.execute)
        return answers


def _all_of(name: str) -> Callable[[Any], Any]:
    return lambda pipe: pipe.hgetall(name)


def _members_of(name: str) -> Callable[[Any], Any]:
    return lambda pipe: pipe.smembers(name)


def _size_of(name: str) -> Callable[[Any], Any]:
    return lambda pipe: pipe.zcard(name)


def _fields_of(name: str) -> Callable[[Any], Any]:
    return lambda pipe: pipe.hmget(name, _JOB)


def _worker(name: str, facts: Mapping[str, str], ends: float, now: float) -> WorkerNow:
    beat_at = facts.get("beat_at")
    return WorkerNow(
        worker=name,
        host=facts.get("host", ""),
        pid=facts.get("pid", ""),
        cell=facts.get("cell", ""),
        egress=facts.get("egress", ""),
        version=facts.get("version", ""),
        slots=facts.get("slots", ""),
        beat_age=round(max(0.0, now - float(beat_at)) / 1e6, 3) if beat_at else None,
        live=ends > now,
        draining="draining" in facts,
    )


def _late(wall: float, first: list[tuple[bytes, float]]) -> float:
    return max(0.0, wall - first[0][1]) / 1e6 if first else 0.0


def _entry(name: bytes) -> str:
    """The app or job of an entry of `wait`, which is marked by a letter and a colon."""
    return name.decode().partition(":")[2]


def _job(row: list[bytes | None], now: float) -> JobNow:
    said = {name: (value or b"").decode() for name, value in zip(_JOB, row, strict=True)}
    state = JobState(said["state"])
    calls, retries = int(said["calls"] or 0), int(said["retries"] or 0)
    age = max(0.0, now - float(said["validated_at"] or now)) / 1e6
    return JobNow(said["tenant"], said["app"], state, counts_in(said, state), calls, retries, age)
