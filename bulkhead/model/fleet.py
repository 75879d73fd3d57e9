"""A fleet as a person wants it: the tenants, the apps and their tokens, before any is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bulkhead.model.app import AppSettings
from bulkhead.secrets import Secret


@dataclass(frozen=True, slots=True)
class WantedApp:
    """One app of the file. Without a token, an app that exists keeps the one it has."""

    app: str
    settings: AppSettings
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class WantedFleet:
    """All that a file asks for. A tenant that is only named has the weight None: as it is."""

    apps: tuple[WantedApp, ...]
    tenants: Mapping[str, float | None] = field(default_factory=dict)
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Cell → the names of the public addresses it calls from; empty: not said."""
