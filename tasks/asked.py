"""What is asked of the store for a slice, before its first call."""

from __future__ import annotations

from dataclasses import dataclass

from bulkhead.engine.cabinet import Cabinet, JobFacts
from bulkhead.model.slice import Begun


@dataclass(frozen=True, slots=True)
class Asked:
    """The slice's job and app, and the time now, in Unix seconds."""

    cabinet: Cabinet
    facts: JobFacts
    app: str
    job: str
    begun: Begun
    now: float
