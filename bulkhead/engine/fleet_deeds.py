"""Changes of apps as the audit tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bulkhead.engine.app_fields import SealedToken
from bulkhead.engine.audit_writer import Deed
from bulkhead.engine.fleet_plan import Plan
from bulkhead.masking import mask_url
from bulkhead.model.app import App, AppSettings
from bulkhead.secrets import Secret, fingerprint

if TYPE_CHECKING:
    from bulkhead.engine.credentials import Stored


def of_app(app: str) -> dict[str, str]:
    """Whose app it is, and which."""
    return {"tenant": app.partition("/")[0], "app": app}


def of_token(token: SealedToken) -> dict[str, str]:
    """What may be told of a token: its last characters and its fingerprint."""
    return {"token": f"…{token.last4}", "fingerprint": token.fingerprint}


def of_credential(kept: Stored) -> dict[str, str]:
    """Which credential, and the slot that it fills."""
    return {"slot": kept.slot, "fingerprint": kept.fingerprint, "credential": kept.id}


def sending(action: str, app: str, kept: Stored) -> Deed:
    """A credential is about to be sent to an app."""
    return Deed(action, {**of_app(app), **of_credential(kept)})


def adding(app: str, settings: AppSettings, token: SealedToken) -> Deed:
    """An app is about to be added."""
    return Deed("apps.add", {**of_app(app), **of_token(token), "base_url": _url(settings)})


def setting(app: str, changes: Mapping[str, str], token: SealedToken | None = None) -> Deed:
    """Settings or the token of an app are about to change."""
    told = "; ".join(f"{name} {text}" for name, text in changes.items())
    return Deed("apps.set", {**of_app(app), "changes": told, **(of_token(token) if token else {})})


def removing(app: App) -> Deed:
    """An app is about to be forgotten, and its token."""
    told = {"token": app.token, "fingerprint": app.fingerprint}
    return Deed("apps.remove", {**of_app(app.id), **told, "base_url": _url(app.settings)})


def applying(todo: Plan) -> Iterator[Deed]:
    """What a fleet file is about to change: a deed an app or tenant, as the commands tell it."""
    for deed in _planned(todo):
        yield Deed(deed.action, {**deed.about, "by": "apps apply"})


def _planned(todo: Plan) -> Iterator[Deed]:
    for name in todo.tenants_added:
        yield Deed("tenants.add", {"tenant": name})
    for name, text in (todo.tenants_changed or {}).items():
        yield Deed("tenants.set", {"tenant": name, "changes": f"weight {text}"})
    for each in todo.added:
        if each.token is not None:
            yield adding(each.app, each.settings, _told(each.token))
    for change in todo.changed:
        new = change.wanted.token if "token" in change.changes else None
        yield setting(change.wanted.app, change.changes, _told(new) if new else None)
    yield from map(removing, todo.removed)
    for name in todo.tenants_removed:
        yield Deed("tenants.remove", {"tenant": name})


def _told(token: Secret) -> SealedToken:
    return SealedToken("", str(token).removeprefix("…"), fingerprint(token))


def _url(settings: AppSettings) -> str:
    return mask_url(settings.base_url)
