"""The Python API, safe to import in other programs: it brings only `bulkhead` and libraries.

bulkhead = Bulkhead.from_env()
job = bulkhead.import_users(rows, app="shop", idempotency_key="onboard-42").wait(timeout=1800)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypedDict, Unpack

from bulkhead import ordering
from bulkhead.engine.connect import connect
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, NotYet
from bulkhead.handle import JobHandle
from bulkhead.model.app import split_app
from bulkhead.model.job import Counts, Job, JobState
from bulkhead.model.result import Result
from bulkhead.model.when import parse_when
from bulkhead.ordering import Options
from bulkhead.settings import Settings
from bulkhead.site import store_url
from bulkhead.submitting import Entry, submit

__all__ = [
    "Asked",
    "Bulkhead",
    "Counts",
    "Entry",
    "Job",
    "JobHandle",
    "JobState",
    "Options",
    "Result",
    "submit",
]


class Asked(TypedDict, total=False):
    """What every method that makes a job takes by name, beside its rows and its app."""

    tokens: Literal["none", "missing", "rotate"]
    """User access tokens of an import; `missing`: for those without one on our record."""
    force: bool
    """Send also what the record says is done already."""
    idempotency_key: str
    """The same key and rows are the same job; with other rows it is a Conflict."""
    labels: Mapping[str, str]
    priority: Literal["urgent", "normal", "bulk"]
    at: float | str | datetime
    """No call before this: Unix seconds, a time with a zone, or text as `--at` takes it."""
    deadline: float | str | datetime
    """No call from then on: the job times out."""
    max_failures: int | str
    """A number, or a part of the rows such as "2%": more failed rows pause the job."""
    max_attempts: int
    rate: float | str
    """Most calls a second of this job, or text such as "300/min"."""
    retry_first: float
    retry_longest: float
    give_up_after: float
    """Seconds: the first and the longest pause between attempts, and an item's whole time."""


class Bulkhead:
    """Orders jobs and finds them again; may be shared between threads, and inherited by a fork.

    It speaks to the store only, when first used: no worker, no broker, no secret key, no mesibo.
    Every method may raise Unreachable (try again later), StoreFull or NotPermitted.
    """

    def __init__(self, store_url: str, *, tenant: str | None = None) -> None:
        self._url = store_url
        self._tenant = tenant
        self._lock = threading.Lock()
        self._known: Scripts | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """As `BULKHEAD_REDIS_URL`, else the embedded store of this user, and `BULKHEAD_TENANT` say.

        Raises InvalidInput for a setting that makes no sense, Unreachable if no store is named
        and no embedded one runs.
        """
        settings = Settings.load(environ)
        return cls(store_url(settings), tenant=settings.tenant)

    def import_users(
        self, rows: Iterable[Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Create or update a user for each mapping; `rows` may be any iterable, and is streamed.

        Members are `address` and, as wanted, `name`, `active`, `appid`, `expiry`, `flags`,
        `custom_id`; others are kept and not sent. Nothing is sent before the last row was read,
        and nothing at all if `rows` raises. A row that cannot be sent fails with its code.
        Raises NotFound (app), Conflict (idempotency key), InvalidInput (an option).
        """
        options = _options(asked)
        job = ordering.import_users(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def delete_users(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Delete users by address, or by mappings that have one. Raises as `import_users`."""
        options = _options(asked)
        job = ordering.delete_users(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def issue_tokens(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Issue a user access token each, for `bulkhead jobs tokens`. Raises as `import_users`."""
        options = _options(asked)
        job = ordering.issue_tokens(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def revoke_tokens(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Sign users out until they have a new token. Raises as `import_users`."""
        options = _options(asked)
        job = ordering.revoke_tokens(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def call(
        self,
        op: str,
        /,
        *,
        app: str,
        body: Mapping[str, Any] | None = None,
        options: Options = ordering.DEFAULT,
        **members: Any,
    ) -> JobHandle:
        """One backend operation as a job of one item: same limits, log and results.

        Its members come by name, or in `body` where a name is none in Python (`from`). Raises
        InvalidInput for a body that cannot be sent; else as `import_users`.
        """
        whole = {**(body or {}), **members}
        job = ordering.call(self._scripts, op, whole, app=self._app(app), options=options)
        return self._handle(job)

    def broadcast(self, **asked: Any) -> NoReturn:
        """Not in this version: always raises NotYet."""
        del asked
        raise NotYet(
            "this version of Bulkhead sends no broadcasts",
            why="they come with a later part",
            to_do='send single messages with call("message", …) until then',
        )

    def job(self, id: str) -> JobHandle:  # noqa: A002 - the word the caller knows it by
        """The job of that id. Raises NotFound."""
        return self._handle(Jobs(self._scripts).get(id))

    def jobs(self, limit: int | None = None) -> list[JobHandle]:
        """The newest jobs first: the tenant's, or everybody's where no tenant is set."""
        return [self._handle(job) for job in Jobs(self._scripts).newest(self._tenant, limit)]

    def close(self) -> None:
        """Give the connections back; used again, it opens new ones."""
        with self._lock:
            known, self._known = self._known, None
        if known is not None:
            known.redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Bulkhead tenant={self._tenant}>"

    @property
    def _scripts(self) -> Scripts:
        with self._lock:
            if self._known is None:
                self._known = Scripts(connect(self._url))
            return self._known

    def _app(self, app: str) -> str:
        return "/".join(split_app(app, self._tenant))

    def _handle(self, job: Job) -> JobHandle:
        return JobHandle(self._scripts, job)


def _options(asked: Asked) -> Options:
    given: dict[str, Any] = dict(asked)
    for name in ("at", "deadline"):
        if isinstance(given.get(name), datetime):
            given[name] = _unix(given[name], name)
        elif isinstance(given.get(name), str):
            given[name] = parse_when(given[name], time.time())
    if "max_failures" in given:
        given["max_failures"] = str(given["max_failures"])
    return Options(**given)


def _unix(moment: datetime, name: str) -> float:
    if moment.tzinfo is None:
        raise InvalidInput(
            f"`{name}` has no time zone",
            why="10 o'clock is another moment in another place",
            to_do="hand in a datetime with a tzinfo, such as zoneinfo.ZoneInfo('Europe/Berlin')",
        )
    return moment.timestamp()
