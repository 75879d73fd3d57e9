"""The job document of a message that became no job: what its sender is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkhead.engine.dead import DeadLetter
from bulkhead.model.job import Counts, Job, JobState
from bulkhead.payloads.models import TASKS

_NOTHING = Counts(
    total=0,
    pending=0,
    in_flight=0,
    succeeded=0,
    skipped=0,
    failed=0,
    unknown=0,
    cancelled=0,
    not_attempted=0,
)


def document(letter: DeadLetter, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A `rejected` job with no id; `error` has the reason, and the id of the dead letter."""
    key, kind = kwargs.get("idempotency_key"), TASKS.get(letter.task) or kwargs.get("kind")
    job = Job(
        id="",
        kind=kind if isinstance(kind, str) else "",
        tenant=letter.app.partition("/")[0] if "/" in letter.app else "",
        app=letter.app or None,
        state=JobState.REJECTED,
        version=1,
        counts=_NOTHING,
        idempotency_key=key if isinstance(key, str) else letter.task_id or None,
    )
    error = {
        "code": letter.code,
        "what": letter.what,
        "why": letter.why,
        "to_do": letter.to_do,
        "submission": letter.id,
    }
    return {**job.to_dict(), "id": None, "error": error}
