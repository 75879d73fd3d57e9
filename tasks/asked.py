"""What is asked of the store for a slice, before its first call."""

from __future__ import annotations

from dataclasses import dataclass

from bulkhead.engine.cabinet import Cabinet, JobFacts
from bulkhead.model.slice import Begun, Slice


@dataclass(frozen=True, slots=True)
class Asked:
    """The slice's job and app, and the time now, in Unix seconds."""

    cabinet: Cabinet
    facts: JobFacts
    part: Slice
    begun: Begun
    now: float
