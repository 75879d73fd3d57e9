"""What the record says of the rows of an input, and the calls that are left to make."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from bulkhead.engine.draft import Request
from bulkhead.engine.record import Past, Record
from bulkhead.model.digest import digest
from bulkhead.model.kind import KINDS
from bulkhead.model.user import User, UserMapping, read_user
from producers.rows.row import Row

AT_ONCE = 1000
"""Rows looked up in one round trip."""
KNOWN, SAME, TOKEN, THIS_MONTH, LEFT_OUT = 1, 2, 4, 8, 16
UNKNOWN_TO_US = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of an input by what would become of them.

    `total` is `valid`, `invalid` and `duplicates`; `valid` is `already_done` and `to_send`.
    """

    total: int
    valid: int
    invalid: int
    duplicates: int
    already_done: int
    to_send: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a job would come to, if every call were answered at once."""

    already_done: int
    calls: int
    new: int
    """Addresses that are not on the record."""
    billable: int
    """Users who would be called, and were not yet through us in this month."""
    note: str = ""
    """What whoever asked should know before the job is made."""


class History:
    """Looks rows up as they pass, and keeps a byte of each. Raises Unreachable."""

    def __init__(self, record: Record, request: Request, now: float | None = None) -> None:
        self._record = record
        self._request = request
        self._mapping = UserMapping(**request.mapping)
        self._compares = request.kind in KINDS and KINDS[request.kind].record
        # Of an app that is new nothing is known, and its rows need not be taken apart.
        self._nobody_known = record.count(request.app) == 0
        self._month = _month_of(time.time() if now is None else now)
        self._flags = bytearray()

    def listen(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, some moments later."""
        passing = iter(rows)
        while batch := list(islice(passing, AT_ONCE)):
            self._flags.extend(self._flags_of(batch))
            yield from batch

    def foreseen(self, repeated: array[int]) -> Foreseen:
        """What is to be expected when the rows in `repeated` are left out."""
        for row in repeated:
            self._flags[row] = LEFT_OUT
        done = calls = new = billable = 0
        for flags in range(LEFT_OUT):
            rows = self._flags.count(flags)
            each = self._calls(flags)
            done += rows if each == 0 else 0
            calls += rows * each
            new += rows if not flags & KNOWN else 0
            billable += rows if each and not flags & THIS_MONTH else 0
        return Foreseen(done, calls, new, billable)

    def _calls(self, flags: int) -> int:
        """The calls for a row that the record says this of."""
        if self._request.kind != "users.import":
            return 1
        policy = self._request.params.get("tokens", "none")
        token = policy == "rotate" or (policy == "missing" and not flags & TOKEN)
        same = flags & SAME and not self._request.params.get("force")
        return int(not same) + int(token)

    def _flags_of(self, rows: Sequence[Row]) -> Iterator[int]:
        if self._nobody_known:
            yield from (LEFT_OUT if row.problem else UNKNOWN_TO_US for row in rows)
            return
        people = [None if row.problem else read_user(self._mapping, row.cells) for row in rows]
        known = [one for one in people if isinstance(one, User)]
        pasts = iter(self._record.look_up(self._request.app, [one.address for one in known]))
        for one in people:
            yield self._judged(one, next(pasts)) if isinstance(one, User) else LEFT_OUT

    def _judged(self, user: User, past: Past | None) -> int:
        if past is None:
            return UNKNOWN_TO_US
        same = SAME if self._compares and past.digest == digest(user) else 0
        month = THIS_MONTH if _month_of(past.at) == self._month else 0
        return KNOWN | same | (TOKEN if past.token else 0) | month


def _month_of(seconds: float) -> tuple[int, int]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year, moment.month
