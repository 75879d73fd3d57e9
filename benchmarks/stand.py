"""The product as `bulkhead up` starts it, with a backend to call, and a hand on its jobs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import product
from benchmarks.backend import Backend
from benchmarks.loops import TOKEN
from bulkhead.client import Bulkhead
from bulkhead.engine.app_fields import token_fields
from bulkhead.engine.script import Scripts
from bulkhead.handle import JobHandle
from bulkhead.model.app import AppSettings
from bulkhead.secrets import Secret
from bulkhead.settings import Settings
from producers.cli.context import Context

TOGETHER = 500
FREE = {"rate": 1_000_000.0, "burst": 100_000, "max_in_flight": 256}
"""Limits that hold nothing back."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A running product and the server that it calls."""

    backend: Backend
    context: Context
    client: Bulkhead
    up: psutil.Process
    """The one that has all others as its children."""

    @property
    def scripts(self) -> Scripts:
        return self.context.scripts

    def tenant(self, name: str, weight: float = 1.0) -> None:
        """Make a tenant."""
        self.context.fleet.add_tenant(name, weight)

    def app(self, app: str, **limits: Any) -> None:
        """Add an app of a tenant that exists, calling this stand's server."""
        settings = self.settings(**limits)
        self.context.fleet.add_app(app, settings, self.context.seal_token(app, Secret(TOKEN)))

    def apps(self, tenant: str, names: Sequence[str], settings: AppSettings) -> None:
        """Add very many apps to a tenant that exists, in a few round trips."""
        key, redis = self.scripts.key, self.scripts.redis
        for first in range(0, len(names), TOGETHER):
            pipe = redis.pipeline(transaction=False)
            for name in names[first : first + TOGETHER]:
                app = f"{tenant}/{name}"
                # Of its own: by the token the server tells calls apart that name no user.
                token = token_fields(self.context.seal_token(app, Secret(f"{TOKEN}-{name}")))
                state = {"state": "active", "tenant": tenant, "version": "1"}
                pipe.hset(key("app", app), mapping={**settings.to_fields(), **token, **state})
                pipe.sadd(key("tenant", tenant, "apps"), app)
                pipe.sadd(key("apps"), app)
            pipe.execute()

    def settings(self, **limits: Any) -> AppSettings:
        """Of an app that calls this stand's server."""
        return AppSettings(base_url=self.backend.url, allow_http=True, **limits)

    def submit(self, app: str, group: str, items: int) -> JobHandle:
        """Import so many users whose calls the server logs under `group`."""
        return self.client.import_users(users(group, items), app=app)


def users(group: str, items: int) -> Iterator[dict[str, str]]:
    """Rows whose addresses belong to a group of the server's."""
    for number in range(items):
        yield {"address": f"{group}.{number:07d}@tenant.example", "name": f"User {number}"}


@contextmanager
def stand(workers: int = product.WORKERS) -> Iterator[Stand]:
    """A fresh one for as long as the block lasts."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bh-"))
        environ = {**os.environ, "BULKHEAD_HOME": folder, "BULKHEAD_LOG_LEVEL": "INFO"}
        backend = stack.enter_context(Backend())
        up = stack.enter_context(product.running(Path(folder), environ, workers))
        context = Context(Settings.load(environ))
        client = stack.enter_context(Bulkhead(context.site.store_url))
        yield Stand(backend, context, client, psutil.Process(up.pid))
