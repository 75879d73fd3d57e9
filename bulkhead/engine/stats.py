"""What an app's calls came to in a month, as `settle` has counted it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.model.job import rfc3339

_CALLS, _TOOK = "calls|", "took|"


@dataclass(frozen=True, slots=True)
class AppStats:
    """One app in one month (UTC). Users are counted to about 1 % (HyperLogLog)."""

    app: str
    month: str
    since: str | None
    calls: Mapping[str, Mapping[str, int]]
    """Operation → outcome → how many."""
    users_touched: int
    bytes_sent: int
    bytes_received: int
    took: Mapping[str, float] = field(default_factory=dict)
    """Operation → seconds that its calls took, all together."""

    def to_dict(self) -> dict[str, Any]:
        """The statistics as JSON shows them."""
        return {
            "app": self.app,
            "month": self.month,
            "since": self.since,
            "calls": {op: dict(outcomes) for op, outcomes in self.calls.items()},
            "latency_ms": {
                op: round(1000 * seconds / sum(self.calls[op].values()), 1)
                for op, seconds in self.took.items()
                if op in self.calls
            },
            "calls_total": sum(sum(outcomes.values()) for outcomes in self.calls.values()),
            "users_touched": self.users_touched,
            "estimated_billable_users": self.users_touched,
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
        }


def stats(scripts: Scripts, apps: Sequence[str], month: str) -> list[AppStats]:
    """The statistics of these apps in a month, `YYYY-MM`. Raises Unreachable."""
    pipe = scripts.redis.pipeline(transaction=False)
    for app in apps:
        name = scripts.key("stats", app, month.replace("-", ""))
        pipe.hgetall(name)
        pipe.pfcount(f"{name}:users")
    answers = iter(ask(pipe.execute))
    return [
        _stats(app, month, *pair)
        for app, pair in zip(apps, zip(answers, answers, strict=True), strict=True)
    ]


def _stats(app: str, month: str, raw: Mapping[bytes, bytes], users: int) -> AppStats:
    kept = decoded(raw)
    calls: dict[str, dict[str, int]] = {}
    for name in sorted(kept):
        if name.startswith(_CALLS):
            op, _, outcome = name.removeprefix(_CALLS).partition("|")
            calls.setdefault(op, {})[outcome] = int(kept[name])
    took = {
        name.removeprefix(_TOOK): int(kept[name]) / 1e6
        for name in sorted(kept)
        if name.startswith(_TOOK)
    }
    since = rfc3339(float(kept["since"])) if "since" in kept else None
    sent, received = int(kept.get("sent", 0)), int(kept.get("received", 0))
    return AppStats(app, month, since, calls, users, sent, received, took)
