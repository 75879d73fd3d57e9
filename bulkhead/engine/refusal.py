"""The words for a job that the store did not accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkhead.errors import BulkheadError, Conflict, InvalidInput, NotFound, Unreachable

if TYPE_CHECKING:
    from bulkhead.engine.request import Request

UNSEALED_FOR = 3600
"""Seconds that an unfinished draft is kept: a producer that died leaves nothing behind."""

QUOTAS = {
    "open_jobs": "open jobs at a time, and this would be number {asked}",
    "open_items": "open items at a time, and with these there would be {asked}",
    "items_per_job": "items a job, and this one has {asked}",
}


def refusal(request: Request, verdict: str, job: str, state: str) -> BulkheadError:
    """Why a draft is not sealed, by the verdict of the store."""
    if verdict == "conflict":
        return Conflict(
            f"the idempotency key {request.idempotency_key!r} was used for other content",
            why=f"it belongs to {job} ({state})",
            to_do="use another key, or send the same content",
        )
    if verdict == "quota":
        return _over_quota(request.tenant, job, *state.split(","))
    if verdict == "no_app":
        return NotFound(
            f"there is no app {request.app}",
            why="it was removed while the input was read",
            to_do="see `bulkhead apps list`",
        )
    return InvalidInput(
        "reading the input took too long",
        why=f"a job must be sealed within {UNSEALED_FOR // 60} minutes",
        to_do="split the input, or feed it faster; nothing was sent",
    )


def _over_quota(tenant: str, quota: str, asked: str, limit: str) -> Conflict:
    make_room = "split the input"
    if quota != "items_per_job":
        make_room = "wait until jobs end, or cancel one"
    return Conflict(
        f"this job is more than the quota of tenant {tenant} allows",
        why=f"it may have {limit} {QUOTAS[quota].format(asked=asked)}",
        to_do=f"{make_room}; see `bulkhead tenants show {tenant}`",
    )


def unconfirmed(what: str) -> Unreachable:
    """The error for what only the store itself has: a fail-over now would lose it."""
    return Unreachable(
        what,
        why="no replica of the store confirms what is written to it",
        to_do="see `bulkhead doctor` for the replica that is behind; then try again",
    )
