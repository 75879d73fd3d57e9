"""The API's way to the store: opened when first asked for, and looked for again when lost."""

from __future__ import annotations

from threading import Lock

from redis.exceptions import RedisError

from bulkhead.box import Box
from bulkhead.engine.connect import connect, unreachable
from bulkhead.engine.script import Scripts
from bulkhead.settings import Settings
from bulkhead.site import Site

QUICK = 2.0
"""Seconds to wait for an answer: whoever asks if we are ready will not wait longer."""


class Store:
    """Shared by the threads that answer requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._scripts: Scripts | None = None
        self._box: Box | None = None
        self._url = ""

    def scripts(self) -> Scripts:
        """A store that answered just now. Raises Unreachable, NotPermitted or InvalidInput."""
        scripts = self._open()
        try:
            scripts.redis.ping()
        except RedisError as error:
            self._forget(scripts)
            raise unreachable(self._url, error) from error
        return scripts

    def box(self) -> Box:
        """Opens what the keys here have sealed. Raises as `scripts`, which it is asked after."""
        self._open()
        assert self._box is not None  # noqa: S101 - `_open` has made it
        return self._box

    def _open(self) -> Scripts:
        with self._lock:
            if self._scripts is None:
                # The embedded store may listen elsewhere after a restart: asked anew each time.
                site = Site.of(self._settings)
                self._url, self._box = site.store_url, site.box
                redis = connect(self._url, timeout=QUICK, connect_timeout=QUICK)
                self._scripts = Scripts(redis)
            return self._scripts

    def _forget(self, lost: Scripts) -> None:
        with self._lock:
            if self._scripts is lost:
                self._scripts = None
                lost.redis.close()
