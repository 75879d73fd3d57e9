"""Jobs about an app's push credentials, options, tests and debug windows, ready to be submitted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bulkhead.backend import push
from bulkhead.backend.envelope import ONPREM_BODY_LIMIT, body
from bulkhead.backend.push_options import OPTIONS, PushOptions
from bulkhead.backend.push_options import warnings as oddities
from bulkhead.backend.upload import sendable_name
from bulkhead.engine.credentials import Stored
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.app import App
from bulkhead.model.batch import ONE_CALL, Batch
from bulkhead.model.job import rfc3339
from bulkhead.model.push import COLUMNS, UploadRow
from bulkhead.ordering import DEFAULT, Options
from bulkhead.secrets import Secret, SecretBytes
from bulkhead.submitting import Prepared

__all__ = [
    "OPTIONS",
    "PushOptions",
    "oddities",
    "prepare_debug",
    "prepare_options",
    "prepare_test",
    "prepare_upload",
    "refuse_closed",
    "refuse_too_large",
    "row_of",
    "sendable_name",
    "type_for",
]


def row_of(stored: Stored, file: str, service: str | None = None) -> UploadRow:
    """The row that sends a file, with a type where it is given or the name does not tell it."""
    return UploadRow(stored.id, stored.slot, service or type_for(file, stored.kind), file)


def type_for(file: str, kind: str) -> str:
    """The type to send with a file of this name and kind: none where its name tells it."""
    return "" if push.service_of(file) == kind else kind


def prepare_upload(
    scripts: Scripts,
    rows: Sequence[UploadRow],
    *,
    app: str,
    force: bool = False,
    options: Options = DEFAULT,
) -> Prepared:
    """A job that uploads these stored files; without `force` none that its slot has already.

    Raises NotFound (app).
    """
    request = _request(scripts, "creds.upload", app, {"force": force}, options, COLUMNS)
    batch = Batch(tuple(range(1, len(rows) + 1)), [row.cells() for row in rows], {})
    digest = hashlib.sha256("\n".join(row.credential for row in rows).encode()).hexdigest()
    told = {"sha256": digest, "rows": len(rows), "format": "credentials"}
    return Prepared(request, [batch], lambda: told)


def prepare_options(
    scripts: Scripts, wanted: PushOptions, *, app: str, options: Options = DEFAULT
) -> Prepared:
    """A job that sets those options which are given. Raises NotFound (app), InvalidInput."""
    members = push.pushset(wanted).members["push"]
    return _one_call(_request(scripts, "creds.options", app, {"options": members}, options))


def prepare_test(
    scripts: Scripts, address: str, *, app: str, options: Options = DEFAULT
) -> Prepared:
    """A job that sends one test notification. Raises NotFound (app), InvalidInput."""
    push.pushtest(address)
    return _one_call(_request(scripts, "creds.test", app, {"address": address}, options))


def prepare_debug(
    scripts: Scripts, seconds: int, *, app: str, options: Options = DEFAULT
) -> Prepared:
    """A job that opens a debug window. Raises NotFound (app), InvalidInput."""
    push.pushdebug(seconds)
    return _one_call(_request(scripts, "creds.debug", app, {"duration": seconds}, options))


def refuse_too_large(app: App, content: SecretBytes, file: str) -> None:
    """Raises InvalidInput for a file that cannot pass the web server of an on-premise app.

    The app token is not counted: a file just below the limit is refused by the worker.
    """
    if app.settings.edition != "onprem":
        return
    # As long as any form with this file is at least; the type is counted, the token is not.
    size = len(body(push.pushupload(content, file, push.service_of(file) or "apn"), Secret("")))
    if size > ONPREM_BODY_LIMIT:
        raise InvalidInput(
            f"{file} is too large for {app.id}",
            why=f"the request would have {size:,} bytes or more, and the web server of an "
            f"on-premise mesibo takes {ONPREM_BODY_LIMIT:,}",
            to_do="export a .p12 without the chain of its authorities, or raise the server's "
            "limit (nginx: client_max_body_size)",
        )


def refuse_closed(scripts: Scripts, app: App, seconds: int, now: float) -> None:
    """Raises InvalidInput for a debug window too long, and Conflict while none can be opened.

    `now` is Unix seconds. What somebody opened elsewhere is not on our record; on-premise there
    is no limit.
    """
    if app.settings.edition == "onprem":
        return
    if seconds > push.LONGEST_DEBUG:
        raise InvalidInput(
            "the debug window is too long",
            why=f"mesibo's cloud allows {push.LONGEST_DEBUG // 3600} hours at once",
            to_do="give a shorter --duration, such as 30m",
        )
    open_jobs = [job.id for job in Jobs(scripts).open_of(app.id) if job.kind == "creds.debug"]
    if open_jobs:
        raise Conflict(
            f"a debug window of {app.id} is about to be opened already",
            why=f"{open_jobs[0]} will do it",
            to_do=f"`bulkhead jobs watch {open_jobs[0]}`",
        )
    last = PushRecord(scripts).debug_window(app.id)
    if last is not None and now < last.opened + push.DEBUG_EVERY:
        opened, after = (rfc3339(at * 1e6) for at in (last.opened, last.opened + push.DEBUG_EVERY))
        raise Conflict(
            f"no debug window can be opened for {app.id} yet",
            why=f"one of {last.duration / 60:.0f} min {'was' if last.sure else 'may have been'} "
            f"opened at {opened}, and the cloud allows one in {push.DEBUG_EVERY // 3600} hours",
            to_do=f"the next can be opened at {after}",
        )


def _one_call(request: Request) -> Prepared:
    return Prepared(request, [ONE_CALL], lambda: {"rows": 1, "format": "call"})


def _request(
    scripts: Scripts,
    kind: str,
    app: str,
    params: Mapping[str, Any],
    options: Options,
    columns: Sequence[str] = (),
) -> Request:
    name = Fleet(scripts).app(app).id
    return Request(
        kind=kind,
        tenant=name.partition("/")[0],
        app=name,
        columns=columns,
        params=params,
        **options.members(),
    )
