"""The Python API, safe to import in other programs: it brings only `bulkhead` and libraries.

bulkhead = Bulkhead.from_env()
job = bulkhead.import_users(rows, app="shop", idempotency_key="onboard-42").wait(timeout=1800)
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from bulkhead import ordering
from bulkhead.asking import (
    Asked,
    AskedOfMembers,
    AskedToBroadcast,
    AskedToRotate,
    credential_of,
    letter_apart,
    options_of,
    taken_apart,
    the_one_of,
)
from bulkhead.engine.connect import connect
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput
from bulkhead.handle import JobHandle
from bulkhead.model.app import split_app
from bulkhead.model.job import Counts, Job, JobState
from bulkhead.model.result import Result
from bulkhead.ordering import Options
from bulkhead.ordering_groups import create_groups
from bulkhead.settings import Settings
from bulkhead.site import SecretKeys, store_url
from bulkhead.submitting import Entry, submit

if TYPE_CHECKING:
    from bulkhead.credential_file import Given
    from bulkhead.model.members import Verb
    from bulkhead.rotation_order import Rotations

__all__ = [
    "Asked",
    "AskedOfMembers",
    "AskedToBroadcast",
    "AskedToRotate",
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


class Bulkhead:
    """Orders jobs and finds them again; may be shared between threads, and inherited by a fork.

    It speaks to the store only, when first used: no worker, no broker, no mesibo, and
    the secret key for nothing but push credentials, which are kept encrypted.
    Every method may raise Unreachable (try again later), StoreFull or NotPermitted.
    """

    def __init__(self, store_url: str, *, tenant: str | None = None) -> None:
        self._url = store_url
        self._tenant = tenant
        self._lock = threading.Lock()
        self._known: Scripts | None = None
        self._settings: Settings | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """As `BULKHEAD_REDIS_URL`, else the embedded store of this user, and `BULKHEAD_TENANT` say.

        Raises InvalidInput for a setting that makes no sense, Unreachable if no store is named
        and no embedded one runs.
        """
        settings = Settings.load(environ)
        made = cls(store_url(settings), tenant=settings.tenant)
        made._settings = settings
        return made

    def import_users(
        self, rows: Iterable[Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Create or update a user for each mapping; `rows` may be any iterable, and is streamed.

        Members are `address` and, as wanted, `name`, `active`, `appid`, `expiry`, `flags`,
        `custom_id`; others are kept and not sent. Nothing is sent before the last row was read,
        and nothing at all if `rows` raises. A row that cannot be sent fails with its code.
        Raises NotFound (app), Conflict (idempotency key), InvalidInput (an option).
        """
        options = options_of(asked)
        job = ordering.import_users(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def delete_users(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Delete users by address, or by mappings that have one. Raises as `import_users`."""
        options = options_of(asked)
        job = ordering.delete_users(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def issue_tokens(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Issue a user access token each, for `bulkhead jobs tokens`. Raises as `import_users`."""
        options = options_of(asked)
        job = ordering.issue_tokens(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def revoke_tokens(
        self, rows: Iterable[str | Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Sign users out until they have a new token. Raises as `import_users`."""
        options = options_of(asked)
        job = ordering.revoke_tokens(self._scripts, rows, app=self._app(app), options=options)
        return self._handle(job)

    def create_groups(
        self, rows: Iterable[Mapping[str, Any]], *, app: str, **asked: Unpack[Asked]
    ) -> JobHandle:
        """Make a group for each mapping, once for its `custom_id`. Raises as `import_users`."""
        options = options_of(asked)
        return self._handle(create_groups(self._scripts, rows, app=self._app(app), options=options))

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

    @staticmethod
    def inspect_credential(file: Given) -> dict[str, Any]:
        """What a push credential is, as `bulkhead creds inspect` says it: a path, or the content.

        Raises InvalidInput for a path that cannot be read.
        """
        from bulkhead.credential_file import look  # noqa: PLC0415 - slow to load

        return look(file)

    def keep_credential(self, *, fcm: Given | None = None, apn: Given | None = None) -> str:
        """Keep a push credential in the store, encrypted, for later rotations; its id.

        Raises InvalidInput for a file that could not be uploaded as it is.
        """
        named = the_one_of({"fcm": fcm, "apn": apn})
        rotations = self._rotations()
        return rotations.keep(credential_of(named, rotations))

    def plan_rotation(self, **asked: Unpack[AskedToRotate]) -> list[dict[str, Any]]:
        """What `rotate_credentials` would do to each app by our record, as `--dry-run` shows it."""
        order, _, named = taken_apart(asked)
        rotations = self._rotations()
        planned = rotations.plan(credential_of(named, rotations).stored, order)
        return [change.to_dict() for change in planned]

    def rotate_credentials(self, **asked: Unpack[AskedToRotate]) -> JobHandle:
        """Give many apps one push credential in waves, each app an item of the job.

        Raises InvalidInput (the file, a selector, another project, no secret key), NotFound (an
        app, a stored id) and Conflict (idempotency key, another rotation of one of the apps).
        """
        order, options, named = taken_apart(asked)
        rotations = self._rotations()
        return self._handle(rotations.order(credential_of(named, rotations), order, options))

    def broadcast(self, *, app: str, **asked: Unpack[AskedToBroadcast]) -> JobHandle:
        """Send a message to groups and people; all of them are read before the first call.

        A call that was sent and not answered is never repeated unless `on_unknown` says so.
        Raises NotFound (app), NotPermitted (sender), Conflict (idempotency key) and InvalidInput:
        a text that is no template, a variable that nothing fills, a time that is over.
        """
        from bulkhead.broadcast_limits import refuse_past  # noqa: PLC0415 - slow to load
        from bulkhead.broadcast_order import order  # noqa: PLC0415 - slow to load

        own, options = letter_apart(asked)
        ordered = order(self._scripts, self._app(app), own, options)
        refuse_past(self._scripts, ordered.app.id, options)
        return self._handle(ordered.made.submit(self._scripts))

    def add_members(
        self,
        members: Iterable[str | Mapping[str, Any]],
        *,
        app: str,
        gid: int | str | None = None,
        **asked: Unpack[AskedOfMembers],
    ) -> JobHandle:
        """Make people members of groups: addresses, or mappings with `address` and `gid`.

        `gid` is for all of them, and may be a custom_id of our record. Many go in one call; who
        is refused is found out, and stops nobody else. Raises as `import_users`.
        """
        return self._members("add", members, app, gid, asked)

    def remove_members(
        self,
        members: Iterable[str | Mapping[str, Any]],
        *,
        app: str,
        gid: int | str | None = None,
        **asked: Unpack[Asked],
    ) -> JobHandle:
        """Take people out of groups. Takes and raises what `add_members` does, but no rights."""
        return self._members("remove", members, app, gid, asked)

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

    def _rotations(self) -> Rotations:
        from bulkhead.engine.audit import who_we_are  # noqa: PLC0415 - slow to load
        from bulkhead.rotation_order import Customer, Rotations  # noqa: PLC0415 - slow to load

        if self._settings is None:
            raise InvalidInput(
                "no secret key is known here",
                why="credentials are kept encrypted and their rotations audited with it",
                to_do="use Bulkhead.from_env(), where BULKHEAD_SECRET_KEY is that of the workers",
            )
        keys = SecretKeys.of(self._settings)
        return Rotations(self._scripts, keys, Customer(who_we_are(), self._tenant))

    def _members(
        self,
        verb: Verb,
        members: Iterable[Any],
        app: str,
        gid: int | str | None,
        asked: Mapping[str, Any],
    ) -> JobHandle:
        from bulkhead.membering import Order, order_members  # noqa: PLC0415 - slow to load

        told: dict[str, Any] = dict(asked)
        rights = {name: told.pop(name) for name in ("permissions", "admin") if name in told}
        order = Order(self._app(app), verb, "" if gid is None else str(gid), **rights)
        return self._handle(
            order_members(self._scripts, order, members, options_of(cast(Asked, told)))
        )

    def _app(self, app: str) -> str:
        return "/".join(split_app(app, self._tenant))

    def _handle(self, job: Job) -> JobHandle:
        return JobHandle(self._scripts, job, self._rotations)
