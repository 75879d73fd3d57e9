"""What holds an app up, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bulkhead.engine.app_now import AppNow


def way_out(app: AppNow) -> str | None:
    """What a person can do about it; None for an app that goes on as it should."""
    return {
        "stopped": f"give it a new token: bulkhead apps set {app.app} --token-file -",
        "paused": f"bulkhead apps resume {app.app}",
        "tenant_paused": f"bulkhead tenants resume {app.tenant}",
        "cooling": "goes on by itself",
        "throttled": "goes on by itself; the pace rises as its backend bears more",
    }.get(app.state)


def held_up(app: AppNow) -> dict[str, Any]:
    """An app that does not go as fast as it is set to, as it is shown."""
    return {
        "app": app.app,
        "state": app.state,
        "code": app.code or None,
        "why": app.why or None,
        "since": app.since,
        "next_try": app.cooling_until if app.state == "cooling" else None,
        "pace": app.pace,
        "next": way_out(app),
    }
