"""Reads jobs back: the document, the rows, the results; and pauses, resumes and cancels them."""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, cast

from bulkhead.engine.document import job_in, pace_in
from bulkhead.engine.packing import SEGMENT, unpack
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.session_views import GatesNow
from bulkhead.errors import Conflict, NotFound
from bulkhead.model.app import MOST_ADDRESSES
from bulkhead.model.job import Job, JobState
from bulkhead.model.ranges import indexes, parse_ranges
from bulkhead.model.result import OUTCOMES, UNTOUCHED, Result

CHUNKS_AT_ONCE = 200
JOB_ID = re.compile(r"job_[0-9A-Z]{26}")


class Jobs:
    """Every method reads the store afresh. Raises NotFound, Conflict, Unreachable."""

    def __init__(self, scripts: Scripts, clock: Callable[[], float] = time.time) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._key = scripts.key
        self._clock = clock

    def get(self, job: str) -> Job:
        """The job document now. Raises NotFound."""
        found = self._read([job]) if JOB_ID.fullmatch(job) else []
        if not found:
            raise self._unknown(job)
        return found[0]

    def made_with(self, tenant: str, key: str) -> Job | None:
        """The job that a tenant's idempotency key belongs to, if one does."""
        made = ask(self._redis.get, self._key("idem", tenant, key))
        found = self._read([made.decode()]) if made else []
        return found[0] if found else None

    def newest(
        self,
        tenant: str | None = None,
        limit: int | None = None,
        wanted: Callable[[Job], bool] = lambda _: True,
    ) -> list[Job]:
        """Jobs that are wanted, newest first."""
        name = self._key("tenant", tenant, "jobs") if tenant else self._key("jobs")
        ids = ask(self._redis.zrevrange, name, 0, -1)
        found: list[Job] = []
        for start in range(0, len(ids), CHUNKS_AT_ONCE):
            page = self._read([job.decode() for job in ids[start : start + CHUNKS_AT_ONCE]])
            found += filter(wanted, page)
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def open_of(self, app: str) -> Iterator[Job]:
        """The app's jobs that have not ended, in no order."""
        ids = sorted(ask(self._redis.smembers, self._key("app", app, "open")))
        for start in range(0, len(ids), CHUNKS_AT_ONCE):
            yield from self._read([job.decode() for job in ids[start : start + CHUNKS_AT_ONCE]])

    def open_over(self, tenants: Iterable[str], kind: str) -> Iterator[tuple[Job, frozenset[str]]]:
        """The tenants' jobs of a kind over many apps that have not ended, and their apps."""
        for tenant in tenants:
            ids = [
                job.decode() for job in ask(self._redis.hkeys, self._key("tenant", tenant, "open"))
            ]
            pipe = self._redis.pipeline(transaction=False)
            for job in ids:
                pipe.hget(self._key("job", job), "kind")
            kinds = zip(ids, ask(pipe.execute), strict=True)
            for found in self._read([job for job, known in kinds if known == kind.encode()]):
                names = ask(self._redis.lrange, self._key("job", found.id, "apps"), 0, -1)
                yield found, frozenset(name.decode() for name in names)

    def control(self, job: str, verb: str, *, why: str = "", version: int | None = None) -> Job:
        """Pause, resume or cancel: one write, whatever the size. Raises Conflict."""
        self.get(job)
        expected = "" if version is None else version
        answer = self._scripts.run("control", "job", job, verb, expected, "user", why)
        verdict, state = (part.decode() for part in answer)
        if verdict == "none":
            raise self._unknown(job)
        if verdict not in ("ok", "same"):
            raise _refusal(verdict, state, job, verb)
        return self.get(job)

    def results(self, job: str, outcomes: frozenset[str] | None = None) -> Iterator[Result]:
        """The latest result of each settled item, as a stream; readable while the job runs.

        Once the job has ended, the items that no call was made for follow, as `cancelled` or
        `not_attempted`; those whose call is still in flight are left out until it is answered.
        """
        known = self.get(job)
        mapping: dict[str, int] = json.loads(self.fields(job).get("mapping", "{}"))
        row_of = lru_cache(maxsize=8)(lambda number: self.segment(job, number))
        for row in self._packed_results(job):
            if outcomes is not None and OUTCOMES[row[1]] not in outcomes:
                continue
            line, *cells = row_of(row[0] // SEGMENT)[row[0] % SEGMENT]
            yield Result.of(row, app=known.app, line=line, cells=cells, mapping=mapping)
        outcome = "cancelled" if known.state is JobState.CANCELLED else "not_attempted"
        if known.state.terminal and (outcomes is None or outcome in outcomes):
            for index in self._left_over(known):
                line, *cells = row_of(index // SEGMENT)[index % SEGMENT]
                yield Result.left(outcome, app=known.app, line=line, cells=cells, mapping=mapping)

    def codes(self, job: str) -> Iterator[tuple[int, str]]:
        """Item number and code (or empty) of each settled item, as a stream."""
        for row in self._packed_results(job):
            yield row[0], row[3]

    def columns(self, job: str) -> list[str | None]:
        """The input's columns, as its first line or its objects named them; None if unused."""
        columns: list[str | None] = json.loads(self.fields(job).get("columns", "[]"))
        return columns

    def fields(self, job: str) -> dict[str, str]:
        """The job's hash as the store keeps it. Raises NotFound."""
        found = self._hash("job", job) if JOB_ID.fullmatch(job) else {}
        if not found:
            raise self._unknown(job)
        return found

    def params(self, job: str) -> dict[str, Any]:
        """What the job was asked for apart from its rows. Raises NotFound."""
        params: dict[str, Any] = json.loads(self.fields(job).get("params") or "{}")
        return params

    def file(self, job: str) -> bytes | None:
        """The file that the job was given, if any; a message sends it."""
        return cast(bytes | None, ask(self._redis.get, self._key("job", job, "file")))

    def segment(self, job: str, number: int) -> list[Any]:
        """The rows of one segment: [line, cell, cell, …] each."""
        blob = ask(self._redis.get, self._key("job", job, "seg", str(number)))
        if blob is None:
            raise self._unknown(job)
        return unpack(blob)

    def token_boxes(self, job: str) -> Iterator[str]:
        """The sealed boxes of user tokens that the job was given, first to last."""
        position = 0
        name = self._key("job", job, "tokens")
        while boxes := ask(self._redis.lrange, name, position, position + CHUNKS_AT_ONCE - 1):
            yield from (box.decode() for box in boxes)
            position += len(boxes)

    def opening_rows(self, job: str, chunks: int) -> Iterator[list[Any]]:
        """The packed results that a job began with: rows that were never to be sent."""
        for chunk in ask(self._redis.lrange, self._key("job", job, "out"), 0, chunks - 1):
            yield from unpack(chunk)

    def states(self, job: str) -> bytes:
        """The job's map: four bits an item, the even one in the high half of its byte."""
        return bytes(ask(self._redis.get, self._key("job", job, "map")) or b"")

    def in_flight(self, job: str) -> frozenset[int]:
        """The items of the job whose calls are being made now."""
        found: set[int] = set()
        leases = ask(self._redis.zrange, self._key("lease"), 0, -1)
        for start in range(0, len(leases), CHUNKS_AT_ONCE):
            pipe = self._redis.pipeline(transaction=False)
            for lease in leases[start : start + CHUNKS_AT_ONCE]:
                pipe.hmget(self._key("lease", lease.decode()), "job", "state", "left")
            for whose, state, left in ask(pipe.execute):
                if whose == job.encode() and state == b"begun":
                    found.update(indexes(parse_ranges(left.decode())))
        return frozenset(found)

    def _left_over(self, job: Job) -> Iterator[int]:
        """The items that an ended job never called for."""
        if not job.counts.cancelled + job.counts.not_attempted:
            return
        # The map is read after the leases: what settles in between is then in neither.
        called = self.in_flight(job.id) if job.counts.in_flight else frozenset()
        states = self.states(job.id)
        for index in range(min(job.counts.total, 2 * len(states))):
            state = states[index // 2] >> 4 if index % 2 == 0 else states[index // 2] & 15
            if state in UNTOUCHED and index not in called:
                yield index

    def _packed_results(self, job: str) -> Iterator[list[Any]]:
        # A result that a later one replaced no longer agrees with the map, and is passed over;
        # of two that say the same (a late report may repeat `unknown`) the first counts.
        position, seen = 0, bytearray()
        while True:
            name = self._key("job", job, "out")
            chunks = ask(self._redis.lrange, name, position, position + CHUNKS_AT_ONCE - 1)
            if not chunks:
                return
            states = self.states(job)
            seen.extend(bytes(len(states) - len(seen)))
            for chunk in chunks:
                for row in unpack(chunk):
                    half, bit = row[0] // 2, 1 << row[0] % 2
                    byte = states[half] if half < len(states) else 0
                    state = byte >> 4 if row[0] % 2 == 0 else byte & 15
                    if state == row[1] and not seen[half] & bit:
                        seen[half] |= bit
                        yield row
            position += len(chunks)

    def _read(self, ids: list[str]) -> list[Job]:
        now = self._clock() * 1e6
        pipe = self._redis.pipeline(transaction=False)
        for job in ids:
            pipe.hgetall(self._key("job", job))
            pipe.hgetall(self._key("job", job, "codes"))
            pipe.zscore(self._key("wait"), f"p:{job}")
        pipe.zcount(self._key("worker"), now, "+inf")
        *told, workers = ask(pipe.execute)
        read = [
            (decoded(told[i]) | {"waits": str(told[i + 2] or "")}, decoded(told[i + 1]))
            for i in range(0, len(told), 3)
        ]
        read = [(fields, codes) for fields, codes in read if fields.get("state")]
        gates = GatesNow(self._scripts)
        read = [(fields | gates.told(fields), codes) for fields, codes in read]
        apps = {fields["app"]: self._app(fields["app"]) for fields, _ in read}
        return [
            job_in(fields, codes, pace_in(fields, apps[fields["app"]], workers, now))
            for fields, codes in read
        ]

    def _app(self, app: str) -> dict[str, str]:
        facts = self._hash("app", app)
        facts["waits"] = str(ask(self._redis.zscore, self._key("wait"), f"a:{app}") or "")
        tenant = ask(self._redis.hget, self._key("tenant", app.split("/", maxsplit=1)[0]), "state")
        facts["tenant_state"] = (tenant or b"active").decode()
        facts["closed"] = "1" if self._closed_to_all(app) else ""
        return facts

    def _closed_to_all(self, app: str) -> bool:
        """True if five addresses have called the app and no living worker has one of them."""
        known = ask(self._redis.smembers, self._key("app", app, "egress"))
        if len(known) < MOST_ADDRESSES:
            return False
        now = self._clock() * 1e6
        workers = ask(self._redis.zrangebyscore, self._key("worker"), now, "+inf")
        names = {self._hash("worker", worker.decode()).get("egress") for worker in workers}
        return bool(workers) and known.isdisjoint(str(name).encode() for name in names)

    def _hash(self, *parts: str) -> dict[str, str]:
        return decoded(ask(self._redis.hgetall, self._key(*parts)))

    def _unknown(self, job: str) -> NotFound:
        ids = [name.decode() for name in ask(self._redis.zrevrange, self._key("jobs"), 0, 200)]
        near = difflib.get_close_matches(job, ids, n=1, cutoff=0.8)
        return NotFound(
            f"there is no job {job}",
            why="no job has this id, or its results have expired",
            to_do=(f"did you mean {near[0]}? " if near else "") + "see `bulkhead jobs list`",
        )


def _refusal(verdict: str, state: str, job: str, verb: str) -> Conflict:
    reasons = {
        "version": ("it has changed since you looked", f"see `bulkhead jobs show {job}`"),
        "stopped": (
            "its app's token is not accepted",
            "give the app a new token with `bulkhead apps set APP --token-file -`",
        ),
        "state": (f"it is {state}", "only an open job can be paused, resumed or cancelled"),
    }
    why, to_do = reasons[verdict]
    done = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}[verb]
    return Conflict(f"job {job} cannot be {done} now", why=why, to_do=to_do)
