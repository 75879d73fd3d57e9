"""A recurring schedule: when its jobs are made, of what, and what became of the last ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkhead.model.cron import Cron
from bulkhead.model.job import rfc3339

MISFIRES = ("skip", "once")
OVERLAPS = ("skip", "queue")
LATE_AFTER = 300.0
"""Seconds after which a firing that no worker made counts as missed."""
FIRINGS_SHOWN = 20
ACTIVE, PAUSED = "active", "paused"
MADE, SKIPPED, MISSED, REFUSED = "made", "skipped", "missed", "refused"
"""What became of a firing: a job; none, because the one before goes on; none, because nobody was
there in time; none, because the order was refused."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a schedule fires, and what holds it up."""

    cron: Cron
    misfire: str = "skip"
    """`skip` or `once`: what is done about instants at which no worker was there."""
    overlap: str = "skip"
    """`skip` or `queue`: what is done while the job of the firing before has not ended."""
    exact: bool = False
    jitter: float = 0.0
    """Seconds by which each firing comes later than the cron line says."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What became of one instant of a schedule."""

    instant: float
    outcome: str
    job: str = ""
    why: str = ""
    fired_at: float = 0.0
    missed: int = 0
    """Instants before it for which no job was made either."""

    @classmethod
    def of(cls, written: str | bytes) -> Firing:
        """As `write` wrote it."""
        return cls(**json.loads(written))

    def write(self) -> str:
        """As the store keeps it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    def to_dict(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            "instant": rfc3339(self.instant * 1e6),
            "fired_at": rfc3339(self.fired_at * 1e6),
            "outcome": self.outcome,
            "job": self.job or None,
            "why": self.why or None,
            "missed": self.missed,
        }


@dataclass(frozen=True, slots=True)
class Ordered:
    """What each firing makes a job of."""

    app: str
    kind: str
    words: Sequence[str]
    """The command as it was typed."""
    audience: str = ""
    """The file that is read anew by each firing; empty where the rows are kept."""
    input: Mapping[str, Any] | None = None
    """What is known of the rows that are kept."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as one reading of the store."""

    id: str
    """Of this schedule alone: another one of the same name has another."""
    tenant: str
    name: str
    state: str
    rules: Rules
    order: Ordered
    planned: float | None
    """Unix seconds of the instant that comes next; None while it is paused or if none comes."""
    created_at: float
    last_job: str = ""
    last_error: str = ""
    firings: tuple[Firing, ...] = ()
    """The newest first."""

    @property
    def full_name(self) -> str:
        """With its tenant, as `acme/weekly`."""
        return f"{self.tenant}/{self.name}"

    @property
    def due(self) -> float | None:
        """Unix seconds at which it fires next."""
        return None if self.planned is None else self.planned + self.rules.jitter

    def key_of(self, instant: float) -> str:
        """The idempotency key of the job that this firing makes."""
        return f"schedule {self.name} {rfc3339(instant * 1e6)}"

    def to_dict(self) -> dict[str, Any]:
        """The document that `schedules show` prints."""
        return {
            "schedule": self.full_name,
            "state": self.state,
            "cron": self.rules.cron.line,
            "zone": self.rules.cron.zone,
            "next": None if self.due is None else self.coming(self.planned or 0.0),
            "app": self.order.app,
            "kind": self.order.kind,
            "misfire": self.rules.misfire,
            "overlap": self.rules.overlap,
            "exact": self.rules.exact,
            "jitter_s": self.rules.jitter,
            "command": list(self.order.words),
            "audience_from": self.order.audience or None,
            "input": self.order.input,
            "created_at": rfc3339(self.created_at * 1e6),
            "last_job": self.last_job or None,
            "last_error": self.last_error or None,
            "firings": [firing.to_dict() for firing in self.firings],
        }

    def coming(self, instant: float) -> dict[str, Any]:
        """An instant of the cron line: in UTC, as the zone's clocks show it, and with jitter."""
        return coming(self.rules, instant)


def coming(rules: Rules, instant: float) -> dict[str, Any]:
    """An instant of the cron line: in UTC, as the zone's clocks show it, and with jitter."""
    return {
        "instant": rfc3339(instant * 1e6),
        "local": rules.cron.local(instant),
        "fires_at": rfc3339((instant + rules.jitter) * 1e6),
    }
