"""Leases whose calls may be made only once: how they are returned when nobody may call."""

from __future__ import annotations

from collections.abc import Sequence

from bulkhead.engine.script import Scripts
from bulkhead.model.kind import family
from bulkhead.model.ranges import indexes, parse_ranges
from bulkhead.model.slice import LOOK, Report

REST = 1_000_000
"""Microseconds that an app rests whose calls wait for a replica: else it is asked without end."""


def unrepeatable(scripts: Scripts, leases: Sequence[str]) -> list[Report]:
    """How to return each of these leases whose calls may be made only once. Raises RedisError."""
    read = scripts.redis.pipeline(transaction=False)
    for lease in leases:
        read.hmget(scripts.key("lease", lease), "app", "job", "left", "step")
    told = [(lease, *facts) for lease, facts in zip(leases, read.execute(), strict=True)]
    for _, _, job, _, step in told:
        named = family((step or b"").decode())
        name = f"repeat:{named}" if named else "repeat"
        read.hget(scripts.key("job", (job or b"").decode()), name)
    reports = []
    for (lease, app, job, left, step), repeat in zip(told, read.execute(), strict=True):
        # As the scripts have it: what nobody said may be repeated may not.
        if job is not None and step != LOOK.encode() and repeat in (b"once", None):
            report = Report(lease, app.decode(), job.decode(), seq=1, last=True, cool=REST)
            report.back.extend(indexes(parse_ranges(left.decode())))
            reports.append(report)
    return reports
