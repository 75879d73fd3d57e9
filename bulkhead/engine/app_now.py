"""One app as it is now: whether it goes, how fast, and what holds it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bulkhead.model.job import rfc3339
from bulkhead.model.situation import pace_in_words


@dataclass(frozen=True, slots=True)
class AppNow:
    """One app: `active`, `throttled`, `cooling`, `paused`, `tenant_paused` or `stopped`."""

    app: str
    tenant: str
    state: str
    code: str
    why: str
    since: str | None
    cooling_until: str | None
    in_flight: int
    permits_used: int
    permits_granted: int = 0
    rate: float = 0.0
    """Calls a second that it is set to."""
    learned: float | None = None
    """Calls a second that its backend was seen to bear; 0: one trial call at a time."""
    latency: float | None = None
    """Seconds that a call has taken on average lately; None before the first."""
    retries: int = 0
    """Rows that wait to be tried again."""

    @property
    def allowed(self) -> float:
        """Calls a second that it may make now."""
        if self.state not in ("active", "throttled"):
            return 0.0
        return self.rate if self.learned is None else min(self.rate, self.learned)

    @property
    def pace(self) -> str:
        """Its pace in words."""
        return pace_in_words(self.rate, self.learned)


def app_now(name: str, kept: Mapping[str, str], owner: Mapping[str, str], now: float) -> AppNow:
    """What an app's fields in the store, and its tenant's, say of it at this instant."""
    cool_until = float(kept.get("cool_until") or 0)
    state, why, since = kept.get("state", "active"), kept.get("why", ""), kept.get("since")
    if state == "active" and owner.get("state", "active") != "active":
        state, why, since = "tenant_paused", owner.get("why", ""), owner.get("since")
    if state == "active" and cool_until > now:
        streak = int(float(kept.get("cool_streak") or 1))
        state, since = "cooling", kept.get("cool_since")
        why = f"throttled {streak} times in a row" if streak > 1 else "throttled"
    rate = float(kept.get("rate") or 0)
    learned = float(kept["learned"]) if kept.get("learned") else None
    if state == "active" and learned is not None:
        state, since = "throttled", kept.get("storm_at") or kept.get("slowed_at")
        why = pace_in_words(rate, learned)
    granted = int(kept.get("permits_granted") or 0)
    return AppNow(
        app=name,
        tenant=name.split("/", maxsplit=1)[0],
        state=state,
        code=kept.get("code", ""),
        why=why,
        since=rfc3339(float(since)) if since else None,
        cooling_until=rfc3339(cool_until) if cool_until > now else None,
        in_flight=int(kept.get("held") or 0),
        permits_used=granted - int(kept.get("permits_returned") or 0),
        permits_granted=granted,
        rate=rate,
        learned=learned,
        latency=float(kept["latency"]) / 1e6 if kept.get("latency") else None,
    )
