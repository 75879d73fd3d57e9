"""Tenants, apps and workers: who may call, how fast, and who is there to do it."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from typing import Any

from redis import Redis

from bulkhead.engine.app_fields import ROTATION, SealedToken, app_in, token_fields
from bulkhead.engine.delivery import forget_mids
from bulkhead.engine.record import Record
from bulkhead.engine.schedules import Schedules
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.engine.session_end import forget_sessions
from bulkhead.errors import Conflict, NotFound
from bulkhead.model.app import NAME, App, AppSettings, Tenant, split_app
from bulkhead.model.job import rfc3339
from bulkhead.model.quota import Quotas
from bulkhead.model.text import listed


def first_version(redis: Redis) -> str:
    """A version that no earlier app of whatever name had: workers keep an app by both."""
    seconds, microseconds = ask(redis.time)
    return str(seconds * 1_000 + microseconds // 1_000)


class Fleet:
    """Reads and changes tenants and apps. Raises NotFound, Conflict, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._key = scripts.key

    def add_tenant(
        self, name: str, weight: float = 1.0, quotas: Mapping[str, int | None] | None = None
    ) -> Tenant:
        """Make a tenant; one that exists with that name is a Conflict."""
        made = ask(
            self._redis.hsetnx, self._key("tenant", name), "created_at", str(time.time() * 1e6)
        )
        if not made:
            raise Conflict(
                f"tenant {name} exists already",
                why="names are unique",
                to_do=f"see `bulkhead tenants show {name}`",
            )
        self.set_tenant(name, weight, quotas)
        ask(self._redis.hset, self._key("tenant", name), "state", "active")
        ask(self._redis.sadd, self._key("tenants"), name)
        return self.tenant(name)

    def set_tenant(
        self,
        name: str,
        weight: float | None = None,
        quotas: Mapping[str, int | None] | None = None,
    ) -> None:
        """Change a tenant's share beside the others, or those of its quotas that are named."""
        kept = {quota: str(limit or "") for quota, limit in (quotas or {}).items()}
        if weight is not None:
            kept["weight"] = f"{weight:.12g}"
        if kept:
            ask(self._redis.hset, self._key("tenant", name), mapping=kept)

    def tenants(self) -> list[Tenant]:
        """Every tenant, by name."""
        return [self.tenant(name) for name in self._members("tenants")]

    def tenant(self, name: str) -> Tenant:
        """One tenant. Raises NotFound with the nearest name."""
        kept = self._hash("tenant", name) if NAME.fullmatch(name) else {}
        if "created_at" not in kept:
            raise self._unknown("tenant", name, self._members("tenants"))
        return Tenant(
            name=name,
            state=kept.get("state", "active"),
            weight=float(kept.get("weight", 1)),
            apps=tuple(self._members("tenant", name, "apps")),
            created_at=rfc3339(float(kept["created_at"])),
            quotas=Quotas.from_fields(kept),
            open_jobs=ask(self._redis.hlen, self._key("tenant", name, "open")),
            open_items=int(kept.get("open_items") or 0),
        )

    def remove_tenant(self, name: str) -> None:
        """Forget a tenant that owns no app any more, and its schedules with it."""
        if self.tenant(name).apps:
            raise Conflict(
                f"tenant {name} still owns apps",
                why=", ".join(self.tenant(name).apps),
                to_do="remove them first with `bulkhead apps remove`",
            )
        # What one tenant ordered must not fire in the name of the next that is called so.
        schedules = Schedules(self._scripts)
        for schedule in schedules.names(name):
            schedules.delete(schedule)
        ask(self._redis.delete, self._key("tenant", name))
        ask(self._redis.srem, self._key("tenants"), name)

    def add_app(self, app: str, settings: AppSettings, token: SealedToken) -> App:
        """Make an app of an existing tenant; one that exists is a Conflict."""
        tenant, _ = split_app(app)
        self.tenant(tenant)
        if not ask(self._redis.hsetnx, self._key("app", app), "tenant", tenant):
            raise Conflict(
                f"app {app} exists already",
                why="an app is added once",
                to_do=f"change it with `bulkhead apps set {app}`",
            )
        first = {"state": "active", "version": first_version(self._redis)}
        self._write(app, {**settings.to_fields(), **token_fields(token), **first})
        ask(self._redis.sadd, self._key("tenant", tenant, "apps"), app)
        ask(self._redis.sadd, self._key("apps"), app)
        return self.app(app)

    def set_app(self, app: str, settings: AppSettings) -> App:
        """Change an app's settings; workers obey from their next slice on."""
        before = self.app(app)
        if before.settings.cell != settings.cell and before.in_flight:
            raise Conflict(
                f"app {app} cannot change its cell now",
                why=f"{before.in_flight} calls are in flight from cell {before.settings.cell}",
                to_do=f"`bulkhead apps pause {app}`, wait until none is, then try again",
            )
        self._write(app, settings.to_fields())
        return self.app(app)

    def set_token(self, app: str, token: SealedToken) -> None:
        """Give an app another token; if the old one had stopped it, it goes on."""
        before = self.app(app)
        # A rotation that was going on is over: this token is the one.
        ask(self._redis.hdel, self._key("app", app), *ROTATION)
        self._write(app, token_fields(token))
        self.control("app", app, "resume" if before.state == "stopped" else "forget_pace")

    def apps(self, tenant: str | None = None) -> list[App]:
        """Every app, or those of one tenant, by name."""
        parts = ("tenant", tenant, "apps") if tenant else ("apps",)
        names = self._members(*parts)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(self._key("app", name))
            pipe.smembers(self._key("app", name, "egress"))
        answers = iter(ask(pipe.execute))
        pairs = zip(names, answers, answers, strict=False)
        return [
            app_in(name, decoded(kept), tuple(sorted(egress.decode() for egress in members)))
            for name, kept, members in pairs
            if b"base_url" in kept  # removed a moment ago
        ]

    def app(self, app: str) -> App:
        """One app. Raises NotFound with the nearest name."""
        return app_in(app, self.fields(app), tuple(self._members("app", app, "egress")))

    def fields(self, app: str) -> dict[str, str]:
        """The app's hash as the store keeps it. Raises NotFound with the nearest name."""
        kept = self._hash("app", app) if all(map(NAME.fullmatch, app.split("/"))) else {}
        if "base_url" not in kept:
            raise self._unknown("app", app, self._members("apps"))
        return kept

    def open_jobs(self, apps: list[str]) -> dict[str, int]:
        """How many open jobs each of these apps has."""
        pipe = self._redis.pipeline(transaction=False)
        for app in apps:
            pipe.scard(self._key("app", app, "open"))
        return dict(zip(apps, ask(pipe.execute), strict=True))

    def token_box(self, app: str, field: str = "token_box") -> str:
        """The app's encrypted token, for the worker that is about to call."""
        box = ask(self._redis.hget, self._key("app", app), field)
        if box is None:
            raise self._unknown("app", app, self._members("apps"))
        return str(box.decode())

    def remove_app(self, app: str) -> None:
        """Forget an app that has no open job, its token and its addresses with it."""
        known = self.app(app)
        if known.in_flight:
            raise Conflict(
                f"app {app} has {known.in_flight} calls in flight",
                why="what comes of them is still to be recorded",
                to_do="wait until none is; a few seconds after its last job they have ended",
            )
        open_jobs = self._members("app", app, "open")
        if open_jobs:
            raise Conflict(
                f"app {app} has open jobs",
                why=", ".join(open_jobs[:3]) + (" …" if len(open_jobs) > 3 else ""),
                to_do="let them end, or cancel them with `bulkhead jobs cancel`",
            )
        # What was done for another app of this name says nothing about the next one.
        Record(self._scripts).clear(app)
        forget_mids(self._scripts, app)
        forget_sessions(self._scripts, app)
        self._remove_webhook(app)
        self._scripts.run("credential", "forget", app)
        self._scripts.run("group", "forget", app)
        for part in ("jobs", "retry", "awaits", "open", "egress", "looks"):
            ask(self._redis.delete, self._key("app", app, part))
        ask(self._redis.delete, self._key("app", app))
        ask(self._redis.srem, self._key("apps"), app)
        ask(self._redis.srem, self._key("tenant", known.tenant, "apps"), app)

    def _remove_webhook(self, app: str) -> None:
        digests = ask(self._redis.hmget, self._key("app", app), "inbound_digest", "inbound_old")
        names = [self._key("inbound", digest.decode()) for digest in digests if digest]
        parts = ((), ("seen",), ("counts",))
        names += [self._key("app", app, "inbound", *part) for part in parts]
        ask(self._redis.delete, *names)

    def control(self, kind: str, name: str, verb: str, why: str = "") -> str:
        """Pause or resume an app or a tenant: its state afterwards."""
        (self.app if kind == "app" else self.tenant)(name)
        verdict, state = self._scripts.run("control", kind, name, verb, "", "user", why)
        if verdict == b"none":
            raise self._unknown(kind, name, self._members(f"{kind}s"))
        if verdict == b"stopped":
            raise Conflict(
                f"{kind} {name} is stopped",
                why="its token is not accepted, so there is nothing to pause",
                to_do=f"give it a new token with `bulkhead apps set {name} --token-file -`",
            )
        return str(state.decode())

    def workers(self) -> list[dict[str, Any]]:
        """Every worker that has beaten lately, with what it said of itself."""
        pairs = ask(self._redis.zrange, self._key("worker"), 0, -1, withscores=True)
        found = []
        for name, ends in pairs:
            facts: dict[str, Any] = self._hash("worker", name.decode())
            beat_at = facts.pop("beat_at", None)
            found.append(
                {
                    "worker": name.decode(),
                    **facts,
                    "last_beat": rfc3339(float(beat_at)) if beat_at else None,
                    "beat_ends": rfc3339(ends),
                }
            )
        return found

    def _write(self, app: str, kept: Mapping[str, str]) -> None:
        ask(self._redis.hset, self._key("app", app), mapping=dict(kept))
        ask(self._redis.hincrby, self._key("app", app), "version", 1)
        self._scripts.run("control", "app", app, "place", "", "", "")

    def _hash(self, *parts: str) -> dict[str, str]:
        return decoded(ask(self._redis.hgetall, self._key(*parts)))

    def _members(self, *parts: str) -> list[str]:
        return sorted(name.decode() for name in ask(self._redis.smembers, self._key(*parts)))

    def _unknown(self, kind: str, name: str, known: list[str]) -> NotFound:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return NotFound(
            f"there is no {kind} {name}",
            why=f"the {kind}s are {listed(known)}" if known else f"no {kind} was added yet",
            to_do=f"{hint}see `bulkhead {kind}s list`",
        )
