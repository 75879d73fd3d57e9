"""What `doctor` looks at in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from redis import Redis
from redis.exceptions import RedisError

from bulkhead.engine.connect import StoreFacts, connect, facts
from bulkhead.engine.embedded import find
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.overview import Overview
from bulkhead.engine.replicas import behind
from bulkhead.engine.script import Scripts
from bulkhead.errors import BulkheadError, Unreachable
from bulkhead.masking import mask_url
from bulkhead.settings import Settings
from producers.cli.check import Check, error, ok, warning

NAMES = (
    *("store", "store_log", "store_sync", "store_memory", "store_eviction"),
    *("store_hz", "store_replicas", "clock", "egress_name", "egress_limit"),
)
QUICK = 5.0
"""Seconds to wait for an answer."""
MOST_EGRESS = 5
"""Public addresses that mesibo lets call one app."""
LOWEST_HZ = 50
"""With less a wait for the next permit ends noticeably late."""

_KEEP = "start the server with --appendonly yes --appendfsync always"


def of_store(settings: Settings) -> list[Check]:
    """The checks of the store, all of them, whether it answers or not."""
    url = str(settings.redis_url) if settings.redis_url else find(settings.home)
    if url is None:
        says = f"no embedded store runs in {settings.home}"
        return _unseen(warning("store", says, "start `bulkhead up`, or set BULKHEAD_REDIS_URL"))
    try:
        with connect(url, timeout=QUICK, connect_timeout=QUICK) as redis:
            told = facts(redis)
            return [
                ok("store", f"{told.server} {told.version} answers at {mask_url(url)}"),
                _log(told),
                _sync(told),
                _memory(told),
                _eviction(told),
                _hz(told),
                *_alive(redis, settings),
            ]
    except BulkheadError as wrong:
        silent = isinstance(wrong, Unreachable)
        return _unseen(_failed(f"{wrong.what}: {wrong.why}", wrong.to_do, silent))
    except RedisError as wrong:
        says = f"the store fell silent ({type(wrong).__name__})"
        return _unseen(_failed(says, "see that it runs, then look again", True))


def _failed(says: str, to_do: str, silent: bool) -> Check:
    return Check("store", "error", says, to_do, unreachable=silent)


def _unseen(store: Check) -> list[Check]:
    rest = [warning(name, "not looked at: no store", "see above") for name in NAMES[1:]]
    return [store, *rest]


def _log(told: StoreFacts) -> Check:
    if told.appendonly == "yes":
        return ok("store_log", "every change is written to a log on disk")
    if told.appendonly is None:
        return warning("store_log", "the server does not say whether it keeps a log", _KEEP)
    return error("store_log", "appendonly is off: a restart loses accepted work", _KEEP)


def _sync(told: StoreFacts) -> Check:
    match told.appendfsync:
        case "always":
            return ok("store_sync", "each change is on disk before it is answered")
        case "everysec":
            says = "appendfsync is everysec: a power cut can lose up to one second of accepted work"
            return warning("store_sync", says, _KEEP)
        case None:
            return warning("store_sync", "the server does not say when it syncs its log", _KEEP)
    says = f"appendfsync is {told.appendfsync}: a power cut can lose any amount of accepted work"
    return error("store_sync", says, _KEEP)


def _memory(told: StoreFacts) -> Check:
    if told.maxmemory:
        return ok("store_memory", f"at most {told.maxmemory / 1024 / 1024:.0f} MiB")
    to_do = "set maxmemory to about half of the memory the server may use"
    if told.maxmemory is None:
        return warning("store_memory", "the server does not say how much it may use", to_do)
    says = "maxmemory is not set: the machine may kill the server when memory runs out"
    return error("store_memory", says, to_do)


def _eviction(told: StoreFacts) -> Check:
    to_do = "set maxmemory-policy to noeviction"
    match told.maxmemory_policy:
        case "noeviction":
            return ok("store_eviction", "a full store refuses new data and forgets nothing")
        case None:
            return warning("store_eviction", "the server does not say what it forgets", to_do)
    says = f"maxmemory-policy is {told.maxmemory_policy}: a full store forgets accepted work"
    return error("store_eviction", says, to_do)


def _hz(told: StoreFacts) -> Check:
    to_do = "set `hz 100` in the server's configuration"
    if told.hz is None:
        return warning("store_hz", "the server does not say how often it ends a wait", to_do)
    if told.hz >= LOWEST_HZ:
        return ok("store_hz", f"a wait ends at most {1000 / told.hz:.0f} ms late (hz {told.hz})")
    says = f"hz is {told.hz}: a wait for the next permit ends up to {1000 / told.hz:.0f} ms late"
    return warning("store_hz", f"{says}, and permits of busy apps are lost", to_do)


def _alive(redis: Redis, settings: Settings) -> Iterator[Check]:
    scripts = Scripts(redis)
    looks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("store_replicas", lambda: _replicas(redis)),
        ("clock", lambda: _clock(scripts)),
        ("egress_name", lambda: _egress_name(scripts, settings)),
        ("egress_limit", lambda: _egress_limit(scripts)),
    )
    for name, look in looks:
        try:
            yield look()
        except (BulkheadError, RedisError) as wrong:
            yield error(name, f"could not be looked at ({type(wrong).__name__})", "look again")


def _replicas(redis: Redis) -> Check:
    there, wrong = behind(redis)
    if wrong:
        return warning(
            "store_replicas",
            "; ".join(wrong),
            "while none keeps up no job is accepted, and no call is made that may not be repeated",
        )
    if not there:
        return ok("store_replicas", "no replica: a lost disk loses the store")
    return ok("store_replicas", f"{there} in step; what must not be lost is confirmed by one")


def _clock(scripts: Scripts) -> Check:
    before = time.time()
    seconds, microseconds = scripts.redis.time()
    # The store read its clock somewhere between asking and hearing.
    apart = abs(seconds + microseconds / 1e6 - (before + time.time()) / 2)
    if apart > 1:
        says = f"this host's clock and the store's are {apart:.1f} s apart"
        return warning("clock", says, "let both follow the same time service (NTP)")
    ahead = Overview(scripts).ahead() / 1e6
    if ahead > 1:
        says = f"the store's clock was set back: work goes a tenth slower for {10 * ahead:.0f} s"
        return warning("clock", says, "see that the time service of the store's host is steady")
    return ok("clock", "this host and the store agree on the time")


def _egress_name(scripts: Scripts, settings: Settings) -> Check:
    workers = [worker for worker in Overview(scripts).workers() if worker.live]
    hosts = sorted({worker.host for worker in workers})
    unnamed = sorted({worker.host for worker in workers if worker.egress == "default"})
    if len(hosts) > 1 and unnamed:
        return warning(
            "egress_name",
            f"{len(hosts)} hosts share the store and BULKHEAD_EGRESS is unset on "
            f"{', '.join(unnamed)}: all of them count as one public address",
            "if they call from different addresses, give each address a name in BULKHEAD_EGRESS",
        )
    return ok("egress_name", f"this host calls as {settings.egress}")


def _egress_limit(scripts: Scripts) -> Check:
    near = [app for app in Fleet(scripts).apps() if len(app.egress) >= MOST_EGRESS - 1]
    if near:
        named = ", ".join(f"{app.id} ({len(app.egress)})" for app in near[:5])
        more = f" and {len(near) - 5} more" if len(near) > 5 else ""
        return warning(
            "egress_limit",
            f"close to the {MOST_EGRESS} public addresses that may call one app: {named}{more}",
            "keep their workers behind the addresses they have",
        )
    return ok("egress_limit", "no app is close to its five public addresses")
