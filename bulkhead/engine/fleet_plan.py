"""From the fleet there is to the fleet that is wanted: what would change, and the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.app_fields import ROTATION, SealedToken, token_fields
from bulkhead.engine.fleet import Fleet, first_version
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.masking import mask_url
from bulkhead.model.app import MOST_ADDRESSES, App, AppSettings, write_duration
from bulkhead.model.fleet import WantedApp, WantedFleet
from bulkhead.model.text import listed
from bulkhead.secrets import Secret, fingerprint

_URLS = ("base_url", "proxy")
Seal = Callable[[str, Secret], SealedToken]
_DURATIONS = (
    *("connect_timeout", "read_timeout", "retry_first", "retry_longest"),
    "give_up_after",
)


@dataclass(frozen=True, slots=True)
class Change:
    """An app that is not as it should be. `changes`: setting → `old → new`, a token as `…last4`."""

    wanted: WantedApp
    before: App
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done; the same fleet planned again after it has nothing to do."""

    added: tuple[WantedApp, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: int = 0
    removed: tuple[App, ...] = ()
    tenants_added: tuple[str, ...] = ()
    tenants_changed: Mapping[str, str] | None = None
    tenants_removed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True if everything is as it should be."""
        tenants = self.tenants_added or self.tenants_changed or self.tenants_removed
        return not (self.added or self.changed or self.removed or tenants)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON shows it."""
        return {
            "added": [wanted.app for wanted in self.added],
            "changed": [
                {"app": change.wanted.app, "changes": dict(change.changes)}
                for change in self.changed
            ],
            "unchanged": self.unchanged,
            "removed": [app.id for app in self.removed],
            "tenants": {
                "added": list(self.tenants_added),
                "changed": [
                    {"tenant": name, "changes": {"weight": text}}
                    for name, text in (self.tenants_changed or {}).items()
                ],
                "removed": list(self.tenants_removed),
            },
        }


def plan(fleet: Fleet, wanted: WantedFleet, *, prune: bool) -> Plan:
    """What it takes to make the store's fleet the wanted one; `prune`: also what to remove.

    Raises InvalidInput or Conflict where that cannot be done; nothing is changed here.
    """
    there = {app.id: app for app in fleet.apps()}
    named = {each.app for each in wanted.apps}
    known = [each for each in wanted.apps if each.app in there]
    changes = [Change(each, there[each.app], _differences(each, there[each.app])) for each in known]
    changed = tuple(change for change in changes if change.changes)
    added = tuple(each for each in wanted.apps if each.app not in there)
    removed = tuple(app for name, app in there.items() if name not in named) if prune else ()
    _refuse_without_token(added)
    _refuse_moves(changed)
    _refuse_addresses(wanted, there)
    _refuse_open(fleet, removed)
    tenants = {tenant.name: tenant for tenant in fleet.tenants()}
    kept = {app.split("/")[0] for app in {*there, *named} - {app.id for app in removed}}
    return Plan(
        added,
        changed,
        len(known) - len(changed),
        removed,
        tenants_added=tuple(sorted(set(wanted.tenants) - set(tenants))),
        tenants_changed={
            name: f"{tenants[name].weight:g} → {weight:g}"
            for name, weight in wanted.tenants.items()
            if weight is not None and name in tenants and tenants[name].weight != weight
        },
        tenants_removed=tuple(sorted(set(tenants) - set(wanted.tenants) - kept)) if prune else (),
    )


def carry_out(scripts: Scripts, todo: Plan, wanted: WantedFleet, seal: Seal) -> None:
    """Do what was planned: the apps that are added or changed in one transaction."""
    fleet = Fleet(scripts)
    for name in todo.tenants_added:
        fleet.add_tenant(name, wanted.tenants[name] or 1.0)
    for name in todo.tenants_changed or {}:
        fleet.set_tenant(name, weight=wanted.tenants[name] or 1.0)
    pipe = scripts.redis.pipeline(transaction=True)
    for each in todo.added:
        _add(scripts, pipe, each, seal)
    for change in todo.changed:
        _change(scripts, pipe, change, seal)
    ask(pipe.execute)
    for app in todo.removed:
        fleet.remove_app(app.id)
    for name in todo.tenants_removed:
        fleet.remove_tenant(name)


def _add(scripts: Scripts, pipe: Any, each: WantedApp, seal: Seal) -> None:
    if each.token is None:
        raise ValueError("an app without a token was planned")
    tenant = each.app.split("/")[0]
    kept = {**each.settings.to_fields(), **token_fields(seal(each.app, each.token))}
    name = scripts.key("app", each.app)
    first = {"tenant": tenant, "state": "active", "version": first_version(scripts.redis)}
    pipe.hset(name, mapping=first | kept)
    pipe.hincrby(name, "version", 1)
    pipe.sadd(scripts.key("tenant", tenant, "apps"), each.app)
    pipe.sadd(scripts.key("apps"), each.app)


def _change(scripts: Scripts, pipe: Any, change: Change, seal: Seal) -> None:
    app, token = change.wanted.app, change.wanted.token
    kept = change.wanted.settings.to_fields()
    new_token = token is not None and "token" in change.changes
    if token is not None and new_token:
        pipe.hdel(scripts.key("app", app), *ROTATION)
        kept |= token_fields(seal(app, token))
    name = scripts.key("app", app)
    pipe.hset(name, mapping=kept)
    pipe.hincrby(name, "version", 1)
    goes_on = new_token and change.before.state == "stopped"
    verb = "resume" if goes_on else "forget_pace" if new_token else "place"
    scripts.queue(pipe, "control", "app", app, verb, "", "", "")


def differences(before: AppSettings, after: AppSettings) -> dict[str, str]:
    """Setting → `old → new`, of those that differ; of a URL without what opens it."""
    old, new = before.to_dict(), after.to_dict()
    return {
        name: f"{_shown(name, old[name])} → {_shown(name, new[name])}"
        for name in new
        if new[name] != old[name]
    }


def _differences(wanted: WantedApp, there: App) -> dict[str, str]:
    found = differences(there.settings, wanted.settings)
    if wanted.token is not None and fingerprint(wanted.token) != there.fingerprint:
        found["token"] = f"{there.token} → {wanted.token}"
    return found


def _shown(name: str, value: Any) -> str:
    if name in _DURATIONS:
        text = write_duration(value)
    elif name in _URLS and value:
        text = mask_url(value)
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, dict):
        text = ", ".join(f"{key}={_shown('', each)}" for key, each in value.items())
    elif isinstance(value, list):
        text = ", ".join(value)
    else:
        text = "any" if value is None else str(value)
    return text or "none"


def _refuse_without_token(added: Sequence[WantedApp]) -> None:
    without = [each.app for each in added if each.token is None]
    if without:
        raise InvalidInput(
            f"{listed(without)} would be new and has no token",
            why="only an app that exists keeps the token it has",
            to_do="add token_env or token_file to it; nothing was changed",
        )


def _refuse_moves(changed: Sequence[Change]) -> None:
    moving = [
        change.before.id
        for change in changed
        if change.before.in_flight and "cell" in change.changes
    ]
    if moving:
        raise Conflict(
            f"{listed(moving)} cannot change its cell now",
            why="calls are in flight from the cell it is in",
            to_do="pause it, wait until none is, then apply again; nothing was changed",
        )


def _refuse_addresses(wanted: WantedFleet, there: Mapping[str, App]) -> None:
    for each in wanted.apps:
        before = there[each.app].egress if each.app in there else ()
        more = {*before, *wanted.cells.get(each.settings.cell, ())}
        if before and len(more) > MOST_ADDRESSES:
            raise Conflict(
                f"{each.app} would be called from {len(more)} public addresses",
                why=f"it was called from {', '.join(before)} and mesibo allows "
                f"{MOST_ADDRESSES} for ever",
                to_do="choose a cell with addresses it knows; nothing was changed",
            )


def _refuse_open(fleet: Fleet, removed: Sequence[App]) -> None:
    jobs = fleet.open_jobs([app.id for app in removed])
    busy = [app.id for app in removed if app.in_flight or jobs[app.id]]
    if busy:
        raise Conflict(
            f"{listed(busy)} cannot be removed",
            why="jobs of it are open",
            to_do="let them end, or `bulkhead jobs cancel` them; nothing was changed",
        )


def lines(todo: Plan) -> Iterator[str]:
    """The plan as a diff, one line an app or tenant."""
    yield from (f"+ tenant {name}" for name in todo.tenants_added)
    for name, text in (todo.tenants_changed or {}).items():
        yield f"~ tenant {name}  weight {text}"
    for each in todo.added:
        yield f"+ {each.app}  {each.settings.base_url}  token {each.token}"
    for change in todo.changed:
        told = "; ".join(f"{name} {text}" for name, text in change.changes.items())
        yield f"~ {change.wanted.app}  {told}"
    yield from (f"- {app.id}" for app in todo.removed)
    yield from (f"- tenant {name}" for name in todo.tenants_removed)
