"""What a worker looks up for a slice, read once and kept: the job, its items, the app."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached

from bulkhead.backend.endpoint import Edition, Endpoint
from bulkhead.box import Box
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import SEGMENT
from bulkhead.model.app import AppSettings
from bulkhead.model.ranges import Ranges, indexes
from bulkhead.model.retry_policy import RetryPolicy
from bulkhead.model.slice import Slice
from bulkhead.secrets import Secret

ROWS_KEPT = 16 * SEGMENT
"""Of segments: sixteen large ones, or those of very many small jobs that take turns."""
SLICES_KEPT = 128
JOBS_KEPT = 4_096
APPS_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What does not change while a job runs."""

    kind: str
    mapping: Mapping[str, int]
    params: Mapping[str, Any]
    retry: Mapping[str, float | int | None]
    """What the job wishes otherwise than its app: names of a RetryPolicy."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """How to call an app's backend, as of one version of its settings."""

    endpoint: Endpoint
    token: Secret
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a job, as it was read."""

    index: int
    line: int
    cells: Sequence[str]


class Cabinet:
    """Keeps the latest of each; an app's entry is looked up again when its version changes."""

    def __init__(self, jobs: Jobs, fleet: Fleet, box: Box) -> None:
        self._jobs = jobs
        self._fleet = fleet
        self._box = box
        self.job: Callable[[str], JobFacts] = lru_cache(JOBS_KEPT)(self._job)
        self.app: Callable[[str, str], AppFacts] = lru_cache(APPS_KEPT)(self._app)
        kept: LRUCache[Any, list[Any]] = LRUCache(ROWS_KEPT, getsizeof=len)
        self._segment = cached(kept, lock=Lock())(jobs.segment)
        # Asked for twice: before its slice begins, and when it has.
        self._items = lru_cache(SLICES_KEPT)(self._read)
        self.opening_rows = jobs.opening_rows

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the keys with which this worker opens tokens."""
        return self._box.key_ids

    def items(self, part: Slice) -> Sequence[Item]:
        """The slice's items, in its order."""
        return self._items(part.job, part.ranges)

    def _read(self, job: str, ranges: Ranges) -> Sequence[Item]:
        found = []
        for index in indexes(ranges):
            row = self._segment(job, index // SEGMENT)[index % SEGMENT]
            found.append(Item(index, row[0], tuple(row[1:])))
        return found

    def candidate(self, app: str) -> AppFacts:
        """The app with the token that it is to have next. Raises NotFound if there is none."""
        return self._facts(app, "next_token_box")

    def _job(self, job: str) -> JobFacts:
        fields = self._jobs.fields(job)
        return JobFacts(
            kind=fields["kind"],
            mapping=json.loads(fields["mapping"]),
            params=json.loads(fields["params"]),
            retry=_wishes(fields),
        )

    def _app(self, app: str, version: str) -> AppFacts:
        del version  # only a part of the cache's key
        return self._facts(app, "token_box")

    def _facts(self, app: str, field: str) -> AppFacts:
        settings = self._fleet.app(app).settings
        token = self._box.open(self._fleet.token_box(app, field), app).decode()
        return AppFacts(
            endpoint=endpoint(settings),
            token=Secret(token),
            retry=settings.retry,
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
