"""All that is known of why a job is where it is, and the words for time and pace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bulkhead.model.job import Job, rfc3339
from bulkhead.model.sender_session import SessionView


@dataclass(frozen=True, slots=True)
class Rival:
    """Another job of the same app that has items to give out."""

    job: str
    weight: float
    left: int


@dataclass(frozen=True, slots=True)
class Hands:
    """Who is there to work in the app's cell."""

    live: int
    draining: int
    elsewhere: int
    """Living workers of other cells."""
    slots: int
    """Calls at once that the living can make; 0 if they did not say."""
    taken: int
    """Of these, leased out."""
    allowed: bool = True
    """False if five addresses have called the app, and none of these workers has one of them."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known of a job's waiting, as of `now` (microseconds, the store's clock)."""

    now: float
    job: Job
    fields: Mapping[str, str]
    app: Mapping[str, str]
    tenant: Mapping[str, str]
    hands: Hands
    waits: Mapping[str, float]
    """`app` and `job`: the instant at which the limiter lets the next call go; absent if now."""
    rivals: tuple[Rival, ...]
    retries: int
    """Of the whole app."""
    next_retry: float | None
    redo: int
    """Entries of the job's list of what came back."""
    session: SessionView | None = None
    """That of its sender, where its messages go out through the real-time API."""

    @property
    def learned(self) -> float | None:
        """Calls a second that the backend was seen to bear; 0: one call at a time; None: all."""
        return float(self.app["learned"]) if self.app.get("learned") else None

    @property
    def own_rate(self) -> float | None:
        return float(self.fields["rate"]) if self.fields.get("rate") else None

    @property
    def class_rate(self) -> float | None:
        rate = json.loads(self.app.get("classes") or "{}").get(self.fields.get("class", ""))
        return float(rate) if rate else None

    @property
    def sender_rate(self) -> float | None:
        """Messages a second that each real-time sender of the app may send by itself."""
        rate = json.loads(self.app.get("classes") or "{}").get("sender")
        return float(rate) if rate and self.session else None

    @property
    def given_out(self) -> bool:
        """True if only retries and what is in flight are left."""
        return int(self.fields.get("next") or 0) >= self.job.counts.total and not self.redo

    def number(self, name: str, default: float = 0) -> float:
        """A field of the app."""
        return float(self.app.get(name) or default)


def instant(at: float | None, now: float) -> str:
    """An instant as a person reads it: the time, and how far away that is."""
    if at is None:
        return "at a time that was not kept"
    seconds = (at - now) / 1e6
    away = f"in {lasting(seconds)}" if seconds >= 0 else f"{lasting(-seconds)} ago"
    return f"{rfc3339(at)} ({away})"


def lasting(seconds: float) -> str:
    """A stretch of time as a person says it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"


def pace_in_words(rate: float, learned: float | None) -> str:
    """How fast an app may call, and how fast its backend was seen to let it."""
    if learned is None:
        return f"configured {rate:g}/s"
    known = f"learned {learned:.3g}/s" if learned else "now one trial call at a time"
    return f"configured {rate:g}/s, {known}"
