"""Which store and which key the settings mean, the embedded ones included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulkhead.engine.connect import broker_url, client_url
from bulkhead.engine.embedded import find
from bulkhead.engine.store_folder import secret_key
from bulkhead.errors import InvalidInput, Unreachable
from bulkhead.settings import Settings

if TYPE_CHECKING:
    from bulkhead.box import Box
    from bulkhead.engine.audit_chain import AuditKeys


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """The key that secrets are kept with here, and the earlier ones that still open them."""

    current: str = field(repr=False)
    earlier: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: Settings) -> SecretKeys:
        """Those that the settings name. Raises InvalidInput where a store is named and no key."""
        return cls(_key(settings), settings.earlier_keys())

    @property
    def box(self) -> Box:
        """Opens what the keys here have sealed."""
        from bulkhead.box import Box  # noqa: PLC0415 - slow to load, and most commands open none

        return Box(self.current, self.earlier)

    @property
    def audit(self) -> AuditKeys:
        """What the audit's entries are hashed with."""
        from bulkhead.engine.audit_chain import AuditKeys  # noqa: PLC0415 - few commands need it

        return AuditKeys(self.current, self.earlier)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a process of ours works."""

    settings: Settings
    store_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    keys: SecretKeys

    @classmethod
    def of(cls, settings: Settings) -> Site:
        """The site the settings describe. Raises Unreachable if no embedded store runs."""
        url = store_url(settings)
        broker = str(settings.broker_url) if settings.broker_url else broker_url(url)
        return cls(settings, url, broker, SecretKeys.of(settings))

    @property
    def box(self) -> Box:
        """Opens what the keys here have sealed."""
        return self.keys.box

    @property
    def audit_keys(self) -> AuditKeys:
        """What the audit's entries are hashed with."""
        return self.keys.audit

    @property
    def front_url(self) -> str:
        """Where the messages of Celery clients lie: in the broker if it is a Redis server or
        Valkey, else in the store. Secret as the other URLs are."""
        if self.settings.broker_url is None:
            return self.store_url
        return client_url(self.broker_url) or self.store_url

    @property
    def front_broker_url(self) -> str:
        """The same place as Celery writes it."""
        return broker_url(self.front_url)


def store_url(settings: Settings) -> str:
    """The store alone, for whoever needs no key. Raises Unreachable if no embedded store runs."""
    url = str(settings.redis_url) if settings.redis_url else find(settings.home)
    if url is None:
        raise Unreachable(
            "no store is running here",
            why=f"BULKHEAD_REDIS_URL is not set and no embedded store runs in {settings.home}",
            to_do="start `bulkhead up` in another terminal, or set BULKHEAD_REDIS_URL",
        )
    return url


def _key(settings: Settings) -> str:
    text = settings.key_text()
    if text is not None:
        return text
    if settings.redis_url is None:
        return secret_key(settings.home)
    raise InvalidInput(
        "there is no key to keep app tokens with",
        why="BULKHEAD_REDIS_URL is set, so BULKHEAD_SECRET_KEY or …_FILE must be set too",
        to_do="make one of 32 or more random characters and give it to every host",
    )
