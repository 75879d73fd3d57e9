"""Orders a job from objects: the functions behind every door that has no file in its hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from bulkhead.backend.users import raw
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput
from bulkhead.model.app import parse_rate
from bulkhead.model.batch import ONE_CALL
from bulkhead.model.budget import is_budget
from bulkhead.model.fitting import require
from bulkhead.model.job import PRIORITIES, Job
from bulkhead.model.shape import USERS, shape_of
from bulkhead.model.unknown import HOLD, ON_UNKNOWN
from bulkhead.model.user import Problem, problem_of
from bulkhead.model.when import can_be_written
from bulkhead.model.window import parse_window
from bulkhead.objects import Objects
from bulkhead.submitting import Entry, Prepared, submit

TOKENS = ("none", "missing", "rotate")
"""What an import does about user access tokens; `missing`: none on our record."""

LARGEST_BODY = 1024 * 1024
"""Bytes of JSON that a raw call's body may have."""

TEXT = "_text"
"""The column in which a row that is no object comes back, as for JSON Lines."""
LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What a job may be asked for beside its rows. Raises InvalidInput for what makes no sense."""

    tokens: str = "none"
    """`none`, `missing` or `rotate`; only imports look at it."""
    force: bool = False
    """Send also what the record says is done already."""
    idempotency_key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: str = ""
    """A name of PRIORITIES; empty: normal, and of a retry as its parent had it."""
    at: float | None = None
    """Unix seconds before which no call is made."""
    deadline: float | None = None
    """Unix seconds from which on no call is made: the job times out."""
    max_failures: str = ""
    """`N` or `P%` of the rows: with more failed ones the job pauses for a person."""
    max_attempts: int | None = None
    rate: float | str | None = None
    """Most calls a second of this job, or text such as `300/min`; None: as its app may."""
    retry_first: float | None = None
    retry_longest: float | None = None
    give_up_after: float | None = None
    """Seconds, as in an app's settings; what is None is as its app has it."""
    on_unknown: str = ""
    """Of ON_UNKNOWN; empty: `hold`, and of a retry as its parent had it."""
    window: str = ""
    """Times of day in which calls may start, as `09:00-20:00[Europe/Berlin]`; empty: always."""
    parent: str = ""
    notify: str = ""
    """JSON with the task and the queue that are told of the end."""

    def __post_init__(self) -> None:
        require(self.tokens in TOKENS, "tokens", f"one of {', '.join(TOKENS)}")
        known = not self.priority or self.priority in PRIORITIES
        require(known, "priority", f"one of {', '.join(PRIORITIES)}")
        require(
            not self.max_failures or is_budget(self.max_failures),
            "max_failures",
            "a whole number, or a part of the rows such as 2%",
        )
        fits = not self.on_unknown or self.on_unknown in ON_UNKNOWN
        require(fits, "on_unknown", f"one of {', '.join(ON_UNKNOWN)}")
        require(self.max_attempts is None or self.max_attempts >= 1, "max_attempts", "1 or more")
        _rate_of(self.rate)
        for name in _TIMES:
            seconds = getattr(self, name)
            require(seconds is None or seconds > 0, name, "more than 0 seconds")
        for name in ("at", "deadline"):
            instant = getattr(self, name)
            # One that no document can show would hide its job, and all that are listed with it.
            fits = instant is None or can_be_written(instant)
            require(fits, name, "Unix seconds, of the years 1970 to 9998")
        if self.window:
            parse_window(self.window)
        starts, ends = self.at or 0.0, self.deadline
        require(ends is None or ends > starts, "deadline", "later than `at`: no call would be made")
        told = all(isinstance(part, str) for pair in self.labels.items() for part in pair)
        require(told, "labels", "a mapping of names to text")

    def members(self) -> dict[str, Any]:
        """What of it goes into a Request under the same names."""
        asked = {name: getattr(self, name) for name in _OF_A_REQUEST}
        asked["on_unknown"] = self.on_unknown or HOLD
        return {**asked, "labels": dict(self.labels), "rate": _rate_of(self.rate)}


def _rate_of(rate: float | str | None) -> float | None:
    """Calls a second. Raises InvalidInput."""
    return None if rate is None else parse_rate(str(rate))


_TIMES = ("retry_first", "retry_longest", "give_up_after")
_OF_A_REQUEST = (
    *("idempotency_key", "labels", "priority", "at", "deadline"),
    *("max_failures", "max_attempts", "parent", "notify", "window"),
    *_TIMES,
)
DEFAULT = Options()


def import_users(
    scripts: Scripts, rows: Iterable[object], *, app: str, options: Options = DEFAULT
) -> Job:
    """Create or update a user for each mapping; the rows are streamed, and numbered from 1.

    `app` is `tenant/app`. A row that cannot be sent fails with its code and stops no other.
    Raises NotFound (app), Conflict (idempotency key), StoreFull or Unreachable, and whatever
    `rows` raises: nothing was sent then.
    """
    params = {"tokens": options.tokens, "force": options.force}
    return of_rows(scripts, rows, Order("users.import", app, params, options))


def delete_users(
    scripts: Scripts, rows: Iterable[object], *, app: str, options: Options = DEFAULT
) -> Job:
    """Delete the user of each row: an address, or a mapping with one. Raises as `import_users`."""
    order = Order("users.delete", app, {}, options)
    return of_rows(scripts, _with_address(rows), order)


def issue_tokens(
    scripts: Scripts, rows: Iterable[object], *, app: str, options: Options = DEFAULT
) -> Job:
    """Issue a user access token for each row: an address, or a mapping. Raises as `import_users`.

    A second token may end the first, so a call that was sent and not answered stays `unknown`.
    """
    order = Order("users.tokens.issue", app, {}, options)
    return of_rows(scripts, _with_address(rows), order)


def revoke_tokens(
    scripts: Scripts, rows: Iterable[object], *, app: str, options: Options = DEFAULT
) -> Job:
    """Sign each row's user out: an address, or a mapping with one. Raises as `import_users`."""
    order = Order("users.tokens.revoke", app, {}, options)
    return of_rows(scripts, _with_address(rows), order)


def call(
    scripts: Scripts,
    op: str,
    body: Mapping[str, Any],
    *,
    app: str,
    options: Options = DEFAULT,
) -> Job:
    """One backend operation as a job of one item; `body` holds its members without `op`, `token`.

    Raises InvalidInput for a body that cannot be sent; else as `import_users`.
    """
    return prepare_call(scripts, op, body, app=app, options=options).submit(scripts)


def prepare_call(
    scripts: Scripts,
    op: str,
    body: Mapping[str, Any],
    *,
    app: str,
    options: Options = DEFAULT,
) -> Prepared:
    """What `call` submits. Raises NotFound (app) and InvalidInput."""
    checked = raw(op, body)
    if len(json.dumps(checked.members)) > LARGEST_BODY:
        raise InvalidInput(
            "the body is too large",
            why=f"a call has at most {LARGEST_BODY // 1024} KiB of JSON",
            to_do="split it into several calls",
        )
    params = {"op": op, "body": dict(checked.members)}
    request = _request(scripts, Order("call", app, params, options, checked.repeat.value))
    return Prepared(request, [ONE_CALL], lambda: {"rows": 1, "format": "call"})


@dataclass(frozen=True, slots=True)
class Order:
    """A job as it is asked for, but for its rows."""

    kind: str
    app: str
    params: Mapping[str, Any]
    options: Options
    repeat: str = ""


def of_rows(scripts: Scripts, rows: Iterable[object], order: Order) -> Job:
    """The job of these rows, each a mapping that is read as its kind wants it."""
    objects, told = Objects(shape=shape_of(order.kind) or USERS), Described()
    # The list of columns itself: it is complete when the job is sealed.
    request = _request(scripts, order, columns=objects.columns, mapping=asdict(objects.mapping))
    return submit(scripts, request, told.listen(entries(rows, objects)), told.input)


def _request(scripts: Scripts, order: Order, **members: Any) -> Request:
    app = Fleet(scripts).app(order.app).id
    return Request(
        kind=order.kind,
        tenant=app.split("/", maxsplit=1)[0],
        app=app,
        params=order.params,
        repeat=order.repeat,
        **members,
        **order.options.members(),
    )


def entries(rows: Iterable[object], objects: Objects) -> Iterator[Entry]:
    """Each row with its number and cells, and with its code where it cannot be sent."""
    for line, row in enumerate(rows, 1):
        if isinstance(row, Mapping):
            cells, problem = objects.row(row)
        else:
            cells, problem = objects.row_of_text(TEXT, repr(row)[:LONGEST_TEXT]), _no_object(row)
        if problem is None:
            yield Entry(line, cells)
        else:
            yield Entry(line, cells, problem.code, problem.message)
    # Where none had an address, each row says so by itself.
    with suppress(InvalidInput):
        objects.close()


def _no_object(row: object) -> Problem:
    message = f"The row is no object but of the type {type(row).__name__}."
    return problem_of("NOT_AN_OBJECT", message)


def _with_address(rows: Iterable[object]) -> Iterator[object]:
    return ({"address": row} if isinstance(row, str) else row for row in rows)


class Described:
    """The `input` of a job document for rows that were objects, summed up as they pass."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rows = self._bytes = 0

    def listen(self, passing: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, counted."""
        for entry in passing:
            # Python's own spelling: unambiguous, and a fifth of the time that JSON takes.
            line = repr(entry.cells).encode()
            self._hash.update(line)
            self._bytes += len(line)
            self._rows += 1
            yield entry

    def input(self) -> dict[str, Any]:
        """Digest and size are of the rows as we keep them, in bytes."""
        digest = self._hash.hexdigest()
        return {"sha256": digest, "rows": self._rows, "bytes": self._bytes, "format": "objects"}
