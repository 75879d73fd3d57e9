"""The first and the last word about a job that is written: its draft is begun, and sealed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.refusal import UNSEALED_FOR, unconfirmed
from bulkhead.engine.script import Scripts
from bulkhead.errors import StoreFull, Unreachable
from bulkhead.model.job import JobState

SEAL_FOR, SEAL_PAUSE = 10.0, 0.25
"""Seconds that a store may be away in the moment of the seal, and between two questions."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A draft from which a job is to be made, begun at these Unix seconds."""

    id: str
    kind: str
    tenant: str
    app: str
    at: float


def begin_draft(pipe: Any, scripts: Scripts, draft: Begun) -> None:
    """Have a pipe write down that the job is being read; unsealed it is forgotten in an hour."""
    name, created = scripts.key("job", draft.id), str(int(draft.at * 1e6))
    start: dict[Any, Any] = {"id": draft.id, "kind": draft.kind, "tenant": draft.tenant}
    start |= {"app": draft.app, "state": JobState.VALIDATING.value}
    start |= {"created_at": created, "version": "1"}
    pipe.hset(name, mapping=start)
    pipe.expire(name, UNSEALED_FOR)
    pipe.zadd(scripts.key("jobs"), {draft.id: float(created)})
    forgotten = float(created) + UNSEALED_FOR * 1e6
    pipe.zadd(scripts.key("expiry"), {f"{draft.tenant} {draft.id}": forgotten})


def ask_to_seal(
    scripts: Scripts, job: str, fields: str, codes: str, patience: float = SEAL_FOR
) -> Any:
    """The store's answer, asked again while it restarts: the same job is sealed only once.

    Raises StoreFull, and Unreachable where it is not known whether the job was accepted.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            answer, confirmed = scripts.run_replicated("submit", job, fields, codes)
            if confirmed:
                return answer
            raise unconfirmed("the job may be lost")
        except StoreFull:
            raise
        except Unreachable as error:
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"it is not known whether {job} was accepted",
                    why=f"the store went away in that moment ({error.why})",
                    to_do=f"when it is back, see `bulkhead jobs show {job}`",
                ) from error
            time.sleep(SEAL_PAUSE)
