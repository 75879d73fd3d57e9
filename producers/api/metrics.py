"""The metrics, read from the store at each scrape. `docs/reference/metrics.md` lists them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bulkhead.engine.overview import Now, Overview
from bulkhead.errors import BulkheadError
from bulkhead.model.job import Counts
from producers.api.store import Store

APP = ("tenant", "app")
STATES = ("active", "cooling", "paused", "tenant_paused", "stopped")

OUTCOMES = tuple(field.name for field in fields(Counts) if field.name != "total")

METRICS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "bulkhead_store_up": ((), "1 if the store answered this scrape; else nothing follows."),
        "bulkhead_store_memory_bytes": ((), "Memory that the store uses."),
        "bulkhead_store_memory_max_bytes": ((), "The store's maxmemory; 0 means no limit."),
        "bulkhead_workers": (("cell",), "Workers with a live beat."),
        "bulkhead_leases": ((), "Leases granted or begun and not yet ended."),
        "bulkhead_wait_entries": ((), "Apps that wait for a permit, a retry or a cooling to end."),
        "bulkhead_oldest_due_seconds": (
            (),
            "How long the oldest due entry has waited for a worker; 0 if none is due.",
        ),
        "bulkhead_dead_submissions": ((), "Submissions that were not understood and are kept."),
        "bulkhead_unlisted_refusals": (
            APP,
            "Refusals with words that are on no list and that nobody has mapped, as kept.",
        ),
        "bulkhead_jobs": (
            (*APP, "state"),
            "Open jobs and the newest 10,000 kept ones; falls when jobs expire.",
        ),
        "bulkhead_items": (
            (*APP, "outcome"),
            "Items of those jobs by the place they are in now; falls when jobs expire.",
        ),
        "bulkhead_app_in_flight": (APP, "Calls at once that are leased out for the app."),
        "bulkhead_app_permits_used": (
            APP,
            "Permits granted less those given back, since the app was added.",
        ),
        "bulkhead_app_state": ((*APP, "state"), "1 for the state the app is in, 0 for the others."),
    }
)
"""Metric name to its labels and what it means. Every one of them is a gauge."""

Sample = tuple[tuple[str, ...], float]


class SiteCollector(Collector):
    """Looks at the store when it is asked, so nothing is counted twice or kept here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Every metric; only `bulkhead_store_up 0` while the store is away."""
        try:
            now = Overview(self._store.scripts()).read()
        except BulkheadError:
            return [_gauge("bulkhead_store_up", [((), 0)])]
        return [_gauge(name, samples) for name, samples in _measured(now)]


def _gauge(name: str, samples: Iterable[Sample]) -> GaugeMetricFamily:
    labels, meaning = METRICS[name]
    gauge = GaugeMetricFamily(name, meaning, labels=labels)
    for values, number in samples:
        gauge.add_metric(values, number)
    return gauge


def _measured(now: Now) -> Iterator[tuple[str, list[Sample]]]:
    yield "bulkhead_store_up", [((), 1)]
    yield "bulkhead_store_memory_bytes", [((), now.store.memory_used)]
    yield "bulkhead_store_memory_max_bytes", [((), now.store.memory_max)]
    cells = Counter(worker.cell for worker in now.workers if worker.live)
    # A site without a worker says so with a 0, which can be alerted on.
    yield "bulkhead_workers", [((cell,), count) for cell, count in (cells or {"main": 0}).items()]
    yield "bulkhead_leases", [((), now.leases)]
    yield "bulkhead_wait_entries", [((), now.waiting)]
    yield "bulkhead_oldest_due_seconds", [((), now.oldest_due)]
    yield "bulkhead_dead_submissions", [((), now.dead)]
    yield "bulkhead_unlisted_refusals", _refusals(now)
    yield "bulkhead_jobs", _jobs(now)
    yield "bulkhead_items", _items(now)
    apps = now.apps
    yield "bulkhead_app_in_flight", [((a.tenant, a.app), a.in_flight) for a in apps]
    yield "bulkhead_app_permits_used", [((a.tenant, a.app), a.permits_used) for a in apps]
    yield (
        "bulkhead_app_state",
        [((a.tenant, a.app, state), a.state == state) for a in apps for state in STATES],
    )


def _jobs(now: Now) -> list[Sample]:
    counted = Counter((job.tenant, job.app, job.state.value) for job in now.jobs)
    return list(counted.items())


def _refusals(now: Now) -> list[Sample]:
    counted: Counter[tuple[str, ...]] = Counter()
    for seen in now.unlisted:
        counted[seen.app.split("/")[0], seen.app] += seen.count
    return list(counted.items())


def _items(now: Now) -> list[Sample]:
    counted: Counter[tuple[str, ...]] = Counter()
    for job in now.jobs:
        for outcome in OUTCOMES:
            counted[job.tenant, job.app, outcome] += getattr(job.counts, outcome)
    return list(counted.items())
