"""The way to the store: one client that never repeats a command by itself."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis import Redis, __version__
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from bulkhead.errors import InvalidInput, NotPermitted, Unreachable
from bulkhead.masking import mask_url

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0
"""Seconds; longer than any wait inside a command (the bell waits one)."""
OLDEST_REDIS = (7, 0)
_DRIVER = DriverInfo(lib_version=__version__)
"""What redis-py says of itself; left to itself it searches the installed packages for each
connection it opens."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What `doctor` judges a store by; None where the server does not tell."""

    server: str
    version: str | None
    appendonly: str | None
    appendfsync: str | None
    maxmemory: int | None
    """Bytes; 0 means no limit."""
    maxmemory_policy: str | None
    hz: int | None
    """How many times a second the server looks whether a wait is over."""


def open_client(
    url: str, *, timeout: float = ANSWER_TIMEOUT, connect_timeout: float = CONNECT_TIMEOUT
) -> Redis:
    """A client that has not spoken yet. Raises InvalidInput if the URL cannot be one."""
    try:
        return Redis.from_url(
            url,
            # redis-py repeats an unanswered command up to ten times unless told otherwise.
            retry=Retry(NoBackoff(), 0),
            driver_info=_DRIVER,
            socket_timeout=timeout,
            socket_connect_timeout=connect_timeout,
            decode_responses=False,
        )
    except ValueError:
        # The cause may quote the URL with its password.
        raise InvalidInput(
            f"{mask_url(url)} is not the URL of a store",
            why="it must be redis://host:port/0, rediss://… or unix:///path",
            to_do="correct BULKHEAD_REDIS_URL",
        ) from None


def connect(
    url: str, *, timeout: float = ANSWER_TIMEOUT, connect_timeout: float = CONNECT_TIMEOUT
) -> Redis:
    """A client of a store that answers and is new enough.

    Raises Unreachable, NotPermitted (wrong password) or InvalidInput (too old).
    """
    redis = open_client(url, timeout=timeout, connect_timeout=connect_timeout)
    try:
        redis.ping()
        told = _info(redis)
    except AuthenticationError as error:
        raise NotPermitted(
            f"the store at {mask_url(url)} does not accept us",
            why=str(error),
            to_do="correct the user or password in BULKHEAD_REDIS_URL",
        ) from None
    except BusyLoadingError as error:
        raise Unreachable(
            f"the store at {mask_url(url)} is still loading its data",
            why="it was started a moment ago",
            to_do="try again when it has loaded",
        ) from error
    except RedisError as error:
        raise unreachable(url, error) from error
    _check_version(url, told)
    return redis


def unreachable(url: str, error: Exception) -> Unreachable:
    """The error for a store that does not answer; the URL's password is masked."""
    return Unreachable(
        f"no answer from the store at {mask_url(url)}",
        why=str(error) or type(error).__name__,
        to_do="start `bulkhead up`, or correct BULKHEAD_REDIS_URL",
    )


def broker_url(url: str) -> str:
    """The store's URL as Celery (kombu) wants it: the same place, the same database."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = dict(parse_qsl(parts.query))
    database = query.pop("db", "0")
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    path = quote(parts.path, safe="/%")
    return f"redis+socket://{user}{path}?{urlencode({'virtual_host': database, **query})}"


def client_url(broker: str) -> str | None:
    """The broker's URL as our own client takes it; None for a broker that is no Redis server."""
    parts = urlsplit(broker)
    if parts.scheme in ("redis", "rediss", "unix"):
        return broker
    if parts.scheme != "redis+socket":
        return None
    query = dict(parse_qsl(parts.query))
    database = query.pop("virtual_host", "0").strip("/") or "0"
    return f"unix://{parts.netloc}{parts.path}?{urlencode({'db': database, **query})}"


def facts(redis: Redis) -> StoreFacts:
    """How safe the store is. A managed server may keep some of it to itself."""
    told = _info(redis)
    server = "valkey" if "valkey_version" in told else "redis"
    memory = told.get("maxmemory", _config(redis, "maxmemory"))
    hz = told.get("configured_hz") or _config(redis, "hz")
    logs = told.get("aof_enabled")
    return StoreFacts(
        server=server,
        version=told.get(f"{server}_version"),
        appendonly=_config(redis, "appendonly") or (logs and ("no", "yes")[int(logs)]),
        appendfsync=_config(redis, "appendfsync"),
        maxmemory=int(memory) if memory is not None else None,
        maxmemory_policy=told.get("maxmemory_policy") or _config(redis, "maxmemory-policy"),
        hz=int(hz) if hz else None,
    )


def _info(redis: Redis) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in redis.info().items()}
    except (NoPermissionError, ResponseError):
        return {}


def _config(redis: Redis, name: str) -> str | None:
    try:
        value = redis.config_get(name).get(name)
    except (NoPermissionError, ResponseError):
        return None
    return value.decode() if isinstance(value, bytes) else value


def _check_version(url: str, told: dict[str, str]) -> None:
    if "valkey_version" in told or "redis_version" not in told:
        return
    version = told["redis_version"]
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST_REDIS:
        raise InvalidInput(
            f"the store at {mask_url(url)} is Redis {version}",
            why="Bulkhead needs Redis 7.0 or later, or Valkey",
            to_do="point BULKHEAD_REDIS_URL at a newer server",
        )
