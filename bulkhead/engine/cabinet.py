"""What a worker looks up for a slice, read once and kept: the job, its items, the app."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from bulkhead.backend.endpoint import Edition, Endpoint
from bulkhead.box import Box
from bulkhead.engine.credentials import Credentials, Stored
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.groups import Groups
from bulkhead.engine.inbound import InboundEvents
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import SEGMENT, unpack
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.inbound.event import PushResult
from bulkhead.model.app import AppSettings
from bulkhead.model.delivery import LOW_WORD
from bulkhead.model.group_record import NOT_LOOKED_UP, InOurRecord
from bulkhead.model.push import InSlot
from bulkhead.model.ranges import Ranges, indexes
from bulkhead.model.retry_policy import RetryPolicy
from bulkhead.model.sender_session import WAIT
from bulkhead.model.slice import Slice
from bulkhead.model.unknown import HOLD
from bulkhead.secrets import Secret, SecretBytes

P = ParamSpec("P")
Kept = TypeVar("Kept")

ROWS_KEPT = 16 * SEGMENT
"""Of segments: sixteen large ones, or those of very many small jobs that take turns."""
SLICES_KEPT = 128
JOBS_KEPT = 4_096
APPS_KEPT = 4_096
CREDENTIALS_KEPT = 8 << 20
"""Bytes of files of credentials: a fleet is mostly given a few, again and again."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What does not change while a job runs."""

    kind: str
    mapping: Mapping[str, int]
    params: Mapping[str, Any]
    retry: Mapping[str, float | int | None]
    """What the job wishes otherwise than its app: names of a RetryPolicy."""
    on_unknown: str = HOLD
    sender: str = ""
    """In whose name its messages go out through the real-time API; empty: by the backend."""
    no_session: str = WAIT
    """Of NO_SESSION: what becomes of its items while that sender cannot be signed in."""
    mid: int = 0
    """Number of its first message, where it has a sender: see `mid_of`."""

    def mid_of(self, index: int) -> int:
        """The number of an item's message, the same however often it is sent; never 0."""
        return (self.mid + index) & LOW_WORD


@dataclass(frozen=True, slots=True)
class AppFacts:
    """How to call an app's backend, as of one version of its settings."""

    endpoint: Endpoint
    token: Secret
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class Supply:
    """A file of credentials that an item's call carries, and what bears on it."""

    kept: Stored
    content: SecretBytes
    held: InSlot | None = None
    """What its slot holds by our record, looked up before the first upload."""
    doubted: bool = False
    """True if an earlier upload may have put another file into the slot."""
    taken: str = ""
    """The job that has the slot, where that is another one."""
    changed: bool = False
    """True if the slot holds another file by our record than the job was to replace."""
    heard: PushResult | None = None
    """What the webhook said about the item's test notification."""
    patience: float = 0.0
    """Seconds that its webhook may still take."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a job, as it was read."""

    index: int
    line: int
    cells: Sequence[str]
    supply: Supply | None = field(default=None, repr=False)
    """Looked up before its call, for operations that need it."""
    why: str = ""
    """Why it goes on with its step, for operations that say so in the end."""
    step: str = ""
    """The step that it is at, with its number, for operations that are taken several times."""
    group: InOurRecord = NOT_LOOKED_UP
    """What our record of groups says, for operations that need it."""


class Cabinet:
    """Keeps the latest of each; an app's entry is looked up again when its version changes."""

    def __init__(self, scripts: Scripts, box: Box) -> None:
        self._scripts = scripts
        self._jobs = Jobs(scripts)
        self._fleet = Fleet(scripts)
        self._box = box
        self._lock = Lock()
        self._known_jobs: LRUCache[Any, JobFacts] = LRUCache(JOBS_KEPT)
        self._known_rows: LRUCache[Any, list[Any]] = LRUCache(ROWS_KEPT, getsizeof=len)
        self._known_apps: LRUCache[Any, AppFacts] = LRUCache(APPS_KEPT)
        files: LRUCache[Any, tuple[Stored, SecretBytes]] = LRUCache(
            CREDENTIALS_KEPT, getsizeof=lambda one: len(one[1])
        )
        self._met: LRUCache[str, bool] = LRUCache(APPS_KEPT)
        """Apps that were fetched before, in whichever version."""
        self.job = self._kept_in(self._known_jobs, self._job)
        self.app = self._kept_in(self._known_apps, self._app)
        self.credential = self._kept_in(files, Credentials(scripts, box).take)
        self.push_record = PushRecord(scripts)
        self.inbound = InboundEvents(scripts)
        self.groups = Groups(scripts)
        self._segment = self._kept_in(self._known_rows, self._jobs.segment)
        # Asked for twice: before its slice begins, and when it has.
        self._items = lru_cache(SLICES_KEPT)(self._read)
        self.opening_rows = self._jobs.opening_rows

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the keys with which this worker opens tokens."""
        return self._box.key_ids

    def items(self, part: Slice) -> Sequence[Item]:
        """The slice's items, in its order."""
        return self._items(part.job, part.ranges)

    def fetch(self, parts: Iterable[Slice]) -> None:
        """Read what is not at hand yet of these slices' jobs, rows and apps, in one round trip.

        What cannot be read is left to whoever asks for it by itself. Raises Unreachable.
        """
        missing = self._missing(parts)
        if not missing:
            return
        pipe = self._scripts.redis.pipeline(transaction=False)
        for words in missing:
            name = self._scripts.key(*words)
            (pipe.get if "seg" in words else pipe.hgetall)(name)
        for words, found in zip(missing, ask(pipe.execute), strict=True):
            # Whatever is wrong with it is said where the slice is taken up.
            with suppress(Exception):
                self._keep(words, found)

    def why(self, job: str, index: int) -> str:
        """Why an item goes on with its step, as a report said; empty where none did."""
        kept = ask(self._scripts.redis.hget, self._scripts.key("job", job, "why"), index)
        return "" if kept is None else kept.decode()

    def whys(self, job: str, indexes: Sequence[int]) -> list[str]:
        """The same of several items; one round trip."""
        names = [str(index) for index in indexes]
        found = ask(self._scripts.redis.hmget, self._scripts.key("job", job, "why"), names)
        return ["" if kept is None else kept.decode() for kept in found]

    def candidate(self, app: str) -> AppFacts:
        """The app with the token that it is to have next. Raises NotFound if there is none."""
        token = self._fleet.token_box(app, "next_token_box")
        return self._app_facts(app, self._fleet.fields(app), token)

    def _kept_in(self, kept: LRUCache[Any, Kept], read: Callable[P, Kept]) -> Callable[P, Kept]:
        return cached(kept, lock=self._lock)(read)

    def _missing(self, parts: Iterable[Slice]) -> list[tuple[str, ...]]:
        """The names of what is not at hand, each once."""
        wanted: dict[tuple[str, ...], None] = {}
        with self._lock:
            for part in parts:
                if hashkey(part.job) not in self._known_jobs:
                    wanted["job", part.job] = None
                if part.app not in self._met:
                    wanted["app", part.app] = None
                for number in _segments(part.ranges):
                    if hashkey(part.job, number) not in self._known_rows:
                        wanted["job", part.job, "seg", str(number)] = None
        return list(wanted)

    def _keep(self, words: tuple[str, ...], found: Any) -> None:
        match words:
            case "job", job, "seg", number:
                rows = unpack(found)
                with self._lock:
                    self._known_rows[hashkey(job, int(number))] = rows
            case "job", job:
                facts = _job_facts(decoded(found))
                with self._lock:
                    self._known_jobs[hashkey(job)] = facts
            case _, app:
                fields = decoded(found)
                known = self._app_facts(app, fields, fields["token_box"])
                with self._lock:
                    self._known_apps[hashkey(app, fields["version"])] = known
                    self._met[app] = True

    def _read(self, job: str, ranges: Ranges) -> Sequence[Item]:
        found = []
        for index in indexes(ranges):
            row = self._segment(job, index // SEGMENT)[index % SEGMENT]
            found.append(Item(index, row[0], tuple(row[1:])))
        return found

    def _job(self, job: str) -> JobFacts:
        return _job_facts(self._jobs.fields(job))

    def _app(self, app: str, version: str) -> AppFacts:
        del version  # only a part of the cache's key
        fields = self._fleet.fields(app)
        return self._app_facts(app, fields, fields["token_box"])

    def _app_facts(self, app: str, fields: Mapping[str, str], token_box: str) -> AppFacts:
        settings = AppSettings.from_fields(fields)
        token = self._box.open(token_box, app).decode()
        return AppFacts(
            endpoint=endpoint(settings),
            token=Secret(token),
            retry=settings.retry,
        )


def _segments(ranges: Ranges) -> Iterator[int]:
    """The segments that hold these items; one comes again where two ranges touch it."""
    for first, last in ranges:
        yield from range(first // SEGMENT, last // SEGMENT + 1)


def _job_facts(fields: Mapping[str, str]) -> JobFacts:
    return JobFacts(
        kind=fields["kind"],
        mapping=json.loads(fields["mapping"]),
        params=json.loads(fields["params"]),
        retry=_wishes(fields),
        on_unknown=fields.get("on_unknown", HOLD),
        sender=fields.get("sender", ""),
        no_session=fields.get("no_session", WAIT),
        mid=int(fields.get("mid", 0)),
    )


def endpoint(settings: AppSettings) -> Endpoint:
    """The app's backend with the way to it. Raises InvalidInput if it may not be called so."""
    edition: Edition = "onprem" if settings.edition == "onprem" else "cloud"
    return Endpoint(
        base_url=settings.base_url,
        edition=edition,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        ca_file=settings.ca_file or None,
        proxy=settings.proxy or None,
        allow_http=settings.allow_http,
    )


def _wishes(fields: Mapping[str, str]) -> dict[str, float | int | None]:
    wishes: dict[str, float | int | None] = {
        name: float(fields[f"retry_{name}"])
        for name in ("first", "longest", "give_up_after")
        if fields.get(f"retry_{name}")
    }
    attempts = fields.get("max_attempts")
    return wishes | {"attempts": int(attempts) if attempts else None}
