"""Puts a job together that comes in several messages."""

from __future__ import annotations

import threading
from dataclasses import asdict

from bulkhead import ordering
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.parts import Parcelled, Part, Parts
from bulkhead.errors import BulkheadError, Unreachable
from bulkhead.model.app import split_app
from bulkhead.model.job import Job
from bulkhead.ordering import Options
from bulkhead.payloads.message import Message, decode
from bulkhead.payloads.models import ImportUsers
from bulkhead.payloads.reading import payload_of
from bulkhead.payloads.refusal import Refused
from bulkhead.submitting import refuse_if_full
from tasks.desk import Desk

PATIENCE = 2.0
"""Seconds that a last part waits for an earlier one in another worker's hand before the door
turns to what else is to do, such as to inherit from that worker, and tries it again."""

PAUSE = 0.05


class Together:
    """Keeps parts, and makes the job when all are there."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        self._parts = parts
        self._desk = desk
        self._scripts = desk.scripts

    def add(self, message: Message, payload: ImportUsers, app: str, options: Options) -> Job | None:
        """Keep a part; the job, if this made it complete. Raises as `ordering.import_users`."""
        Fleet(self._scripts).app(app)
        refuse_if_full(self._scripts)
        whole = Parcelled(app.partition("/")[0], options.idempotency_key, app)
        if payload.last and payload.part is None:
            self._wait_for_those_before(whole)
        last = asdict(options) if payload.last else None
        part = Part(message.id, payload.items, payload.part, last)
        kept = self._parts.add(whole, part)
        if kept.sealed:
            return Jobs(self._scripts).get(kept.sealed)
        return self._seal(whole) if kept.complete else None

    def overdue(self) -> list[tuple[Parcelled, Refused]]:
        """Jobs whose other parts did not come within a day."""
        return [
            (
                whole,
                Refused(
                    "PARTS_INCOMPLETE",
                    f"{count} parts of {whole.key} came, and no other for a day",
                    why="a job is made when its last part and all before it are there",
                    to_do="send all parts again under another idempotency key",
                ),
            )
            for whole, count in self._parts.overdue(self._desk.clock())
        ]

    def forget(self, whole: Parcelled) -> None:
        """Drop the parts of a job that will not be made."""
        self._parts.forget(whole)

    def _seal(self, whole: Parcelled) -> Job:
        options = Options(**self._parts.last(whole))
        rows = self._parts.items(whole)
        job = ordering.import_users(self._scripts, rows, app=whole.app, options=options)
        self._parts.sealed(whole, job.id)
        return job

    def _wait_for_those_before(self, whole: Parcelled) -> None:
        """Earlier parts were taken before this one, so they are kept by now or in a hand."""
        pause = threading.Event()
        for _ in range(round(PATIENCE / PAUSE)):
            if not self._in_other_hands(whole):
                return
            pause.wait(PAUSE)
        raise Unreachable(
            "an earlier part is still in another worker's hand",
            why="that worker is busy or lost",
            to_do="nothing: the last part waits for it",
        )

    def _in_other_hands(self, whole: Parcelled) -> bool:
        front = self._desk.front
        return any(
            self._belongs(raw, whole) for name in front.others() for raw in front.in_hand(name)
        )

    def _belongs(self, raw: bytes, whole: Parcelled) -> bool:
        try:
            payload = payload_of(decode(raw))
        except BulkheadError:
            return False
        if not isinstance(payload, ImportUsers) or not payload.append or payload.last:
            return False
        try:
            tenant, _ = split_app(payload.app, self._desk.tenant)
        except BulkheadError:
            return False
        return (tenant, payload.idempotency_key) == (whole.tenant, whole.key)
