"""From a session's fields in the store to what people and keepers read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bulkhead.engine.script import Scripts
from bulkhead.model.job import JobState
from bulkhead.model.sender_session import (
    CLOSED,
    FAILED,
    NOT_TAKEN,
    UNUSABLE,
    WANTED,
    WANTED_FOR,
    SenderId,
    SessionView,
    Wanted,
)


class GatesNow:
    """What keeps jobs from sending through their sessions; each session is looked up once."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._views: dict[SenderId, SessionView] = {}

    def told(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Of a job with a sender, beside its fields: is the gate shut, and how is its session."""
        if not fields.get("sender") or JobState(fields["state"]).terminal:
            return {}
        who = SenderId(fields["app"], fields["sender"])
        if who not in self._views:
            self._views[who] = view_of(self._scripts, who)
        view = self._views[who]
        shut = "" if view.opens(fields.get("no_session", "")) else "1"
        said = {"session_state": view.state, "session_why": view.why}
        return {"gate_shut": shut, "sender_next": f"{(view.next_at or 0) * 1e6:.0f}", **said}


def view_of(scripts: Scripts, who: SenderId) -> SessionView:
    """The session as the store knows it now. Raises Unreachable."""
    return next(iter(views_of(scripts, "", *who)), SessionView(who, CLOSED))


def views_of(scripts: Scripts, tenant: str, app: str = "", sender: str = "") -> list[SessionView]:
    """Every session that was wanted within a day, or those of a tenant or an app, or the one."""
    now, *rows = scripts.run("session", "views", tenant, app, sender)
    return [view_in(row, float(now)) for row in rows]


def view_in(row: Sequence[bytes], now: float) -> SessionView:
    """The session of a row of `session.lua`; what a worker that is gone said of it is over."""
    who, kept = _read(row)
    held = _held(kept, now)
    state, why = kept["state"], kept.get("why", "")
    if not held:
        state, why = _left(kept, now)
    return SessionView(
        who=who,
        state=state,
        why=why,
        worker=kept["worker"] if held else "",
        since=_seconds(kept, "since"),
        held_since=_seconds(kept, "got") if held else None,
        wanted_at=_seconds(kept, "wanted"),
        job=kept.get("job", "") if held else "",
        again_at=_seconds(kept, "again_at"),
        cooling_until=_seconds(kept, "cool_until") if _number(kept, "cool_until") > now else None,
        next_at=_seconds(kept, "tat") if _number(kept, "tat") > now else None,
        listening=_number(kept, "listen") > now,
        asked=int(kept.get("asked") or 0),
        queued=int(kept.get("queued") or 0),
    )


def wanted_in(row: Sequence[bytes], now: float) -> Wanted:
    """The same for whoever decides which sessions to keep."""
    who, kept = _read(row)
    held = _held(kept, now)
    return Wanted(
        who=who,
        state=kept["state"],
        worker=kept["worker"] if held else "",
        idle=max(0.0, now - _number(kept, "wanted")) / 1e6,
        held=max(0.0, now - _number(kept, "got")) / 1e6 if held else 0.0,
        listening=_number(kept, "listen") > now,
        why=kept.get("why", ""),
        again_at=_number(kept, "again_at") / 1e6,
    )


def _read(row: Sequence[bytes]) -> tuple[SenderId, Mapping[str, str]]:
    app, sender, fields = (part.decode() for part in row)
    return SenderId(app, sender), json.loads(fields)


def _held(kept: Mapping[str, str], now: float) -> bool:
    return bool(kept.get("worker")) and _number(kept, "until") > now


def _left(kept: Mapping[str, str], now: float) -> tuple[str, str]:
    """State and reason of a session that no worker has."""
    state, why = kept["state"], kept.get("why", "")
    fresh = now - _number(kept, "told") <= WANTED_FOR * 1e6
    if state in (FAILED, UNUSABLE) and fresh:
        return state, why
    if now - _number(kept, "wanted") > WANTED_FOR * 1e6:
        return CLOSED, why if state == CLOSED else ""
    lost = f"{NOT_TAKEN}: worker {kept['worker']} ended" if kept.get("worker") else NOT_TAKEN
    return WANTED, lost


def _number(kept: Mapping[str, str], name: str) -> float:
    return float(kept.get(name) or 0)


def _seconds(kept: Mapping[str, str], name: str) -> float | None:
    return _number(kept, name) / 1e6 or None
