"""An app's fields in the store: how they are written, and the app they describe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bulkhead.model.app import App, AppSettings, split_app
from bulkhead.model.job import rfc3339

ROTATION = (
    *("rotation", "rotation_job", "rotation_since", "rotation_version"),
    *("next_token_box", "next_last4", "next_fingerprint", "previous_token_box"),
)
"""Fields of an app whose token is being exchanged; rotate.lua writes them."""
INBOUND_BOX, INBOUND_BODY_BOX = "inbound_box", "inbound_body_box"
"""Fields that hold the secrets of its inbound webhook: the one of the path, the one of bodies."""
SENDERS = "senders"
"""Ends the name of the hash with the sealed user tokens of an app's real-time senders."""


@dataclass(frozen=True, slots=True)
class SealedToken:
    """An app token as the store may hold it: encrypted, with what may be shown of it."""

    box: str
    last4: str
    fingerprint: str


def token_fields(token: SealedToken) -> dict[str, str]:
    """The token as fields of the app in the store."""
    return {"token_box": token.box, "last4": token.last4, "fingerprint": token.fingerprint}


def app_in(app: str, kept: Mapping[str, str], egress: tuple[str, ...]) -> App:
    """The app that these fields of the store describe."""
    tenant, name = split_app(app)
    cool_until = float(kept.get("cool_until", 0))
    granted, returned = (int(kept.get(f"permits_{word}", 0)) for word in ("granted", "returned"))
    return App(
        tenant=tenant,
        name=name,
        settings=AppSettings.from_fields(kept),
        state=kept.get("state", "active"),
        token=f"…{kept.get('last4', '')}",
        fingerprint=kept.get("fingerprint", ""),
        version=kept.get("version", "0"),
        code=kept.get("code", ""),
        why=kept.get("why", ""),
        since=rfc3339(float(kept["since"])) if "since" in kept else None,
        cooling_until=rfc3339(cool_until) if cool_until > time.time() * 1e6 else None,
        in_flight=int(kept.get("held", 0)),
        egress=egress,
        live={
            "permits_used": granted - returned,
            "latency_ms": _ms(kept.get("latency")),
            "learned_rate": learned_rate(kept),
            "throttled_since": _instant(kept.get("storm_at") or kept.get("slowed_at"))
            if "learned" in kept
            else None,
            "rotation": _rotation(kept),
        },
    )


def _ms(microseconds: str | None) -> float | None:
    return round(float(microseconds) / 1000, 1) if microseconds else None


def learned_rate(kept: Mapping[str, str]) -> float | None:
    """Calls a second that the backend was seen to bear: None if as many as configured, 0 while
    single calls ask whether it works again."""
    return round(float(kept["learned"]), 1) if "learned" in kept else None


def _instant(microseconds: str | None) -> str | None:
    return rfc3339(float(microseconds)) if microseconds else None


def _rotation(kept: Mapping[str, str]) -> dict[str, str | None] | None:
    if "rotation" not in kept:
        return None
    return {
        "phase": kept["rotation"],
        "since": rfc3339(float(kept["rotation_since"])),
        "token": f"…{kept.get('next_last4', kept.get('last4', ''))}",
        "job": kept.get("rotation_job"),
    }
