"""The audit: who did what that others may have to answer for, in the order it was done."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.model.job import rfc3339

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done; `at` is RFC 3339 by the store's clock."""

    id: str
    at: str
    who: str
    action: str
    about: Mapping[str, str]


class Audit:
    """Appends and reads; nothing of it is ever changed. Raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._redis = scripts.redis
        self._name = scripts.key("audit")

    def add(self, action: str, who: str, **about: str) -> None:
        """Write down what is about to be done; a secret has no place in it."""
        fields: dict[Any, Any] = {"who": who, "action": action, **about}
        ask(self._redis.xadd, self._name, fields)

    def entries(self) -> Iterator[AuditEntry]:
        """Everything that was written down, the oldest first."""
        after = "-"
        while True:
            found = ask(self._redis.xrange, self._name, min=after, count=AT_ONCE)
            if not found:
                return
            for name, fields in found:
                yield _entry(name.decode(), fields)
            after = f"({found[-1][0].decode()}"


def _entry(name: str, fields: Mapping[bytes, bytes]) -> AuditEntry:
    told = decoded(fields)
    at = rfc3339(int(name.partition("-")[0]) * 1000) or ""
    return AuditEntry(name, at, told.pop("who", ""), told.pop("action", ""), told)


def who_we_are() -> str:
    """The user that this process runs as, and the host: `ann@host`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
