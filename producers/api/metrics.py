"""The metrics, read from the store at each scrape. `docs/reference/metrics.md` lists them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bulkhead.engine.inbound import InboundCounts, inbound_counts
from bulkhead.engine.overview import Now, Overview
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import Sessions
from bulkhead.engine.stats import AppStats, stats
from bulkhead.errors import BulkheadError
from bulkhead.model.job import JobState
from bulkhead.model.push import InSlot
from bulkhead.model.sender_session import STATES as SESSION_STATES
from bulkhead.model.sender_session import SessionView
from bulkhead.model.traffic import REALTIME
from producers.api.metric_names import COUNTER, METRICS, OUTCOMES, STATES
from producers.api.store import Store

AT_ONCE = 500
"""Apps whose calls are read in one round trip."""
DAY = 86400
"""Seconds."""

Sample = tuple[tuple[str, ...], float]
Measured = Iterator[tuple[str, list[Sample]]]


class SiteCollector(Collector):
    """Looks at the store when it is asked, so nothing is counted twice or kept here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Every metric; only `bulkhead_store_up 0` while the store is away."""
        try:
            scripts = self._store.scripts()
            now = Overview(scripts).read()
            calls = _calls_of(scripts, now)
            heard = _heard_of(scripts, now)
            held = _held_in(scripts, now)
            sessions = Sessions(scripts).views()
        except BulkheadError:
            return [_family("bulkhead_store_up", [((), 0)])]
        measured = (*_of_store(now), *_of_jobs(now), *_of_apps(now), *_of_calls(calls))
        measured += (*_of_realtime(calls, sessions),)
        measured += (*_of_inbound(heard), *_of_credentials(held, now.at))
        return [_family(name, samples) for name, samples in measured]


def _calls_of(scripts: Scripts, now: Now) -> list[AppStats]:
    month = datetime.fromtimestamp(now.at / 1e6, UTC).strftime("%Y-%m")
    apps = [app.app for app in now.apps]
    found: list[AppStats] = []
    for start in range(0, len(apps), AT_ONCE):
        found += stats(scripts, apps[start : start + AT_ONCE], month)
    return found


def _heard_of(scripts: Scripts, now: Now) -> list[InboundCounts]:
    apps = [app.app for app in now.apps]
    found: list[InboundCounts] = []
    for start in range(0, len(apps), AT_ONCE):
        found += inbound_counts(scripts, apps[start : start + AT_ONCE])
    return found


def _held_in(scripts: Scripts, now: Now) -> dict[str, dict[str, InSlot]]:
    apps, record = [app.app for app in now.apps], PushRecord(scripts)
    found: dict[str, dict[str, InSlot]] = {}
    for start in range(0, len(apps), AT_ONCE):
        found |= record.slots_of(apps[start : start + AT_ONCE])
    return found


def _family(name: str, samples: Iterable[Sample]) -> Metric:
    labels, meaning = METRICS[name]
    counts = name.endswith(COUNTER)
    family = (CounterMetricFamily if counts else GaugeMetricFamily)(name, meaning, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _of_store(now: Now) -> Measured:
    yield "bulkhead_store_up", [((), 1)]
    yield "bulkhead_store_memory_bytes", [((), now.store.memory_used)]
    yield "bulkhead_store_memory_max_bytes", [((), now.store.memory_max)]
    live = [worker for worker in now.workers if worker.live]
    cells = Counter(worker.cell for worker in live)
    # A site without a worker says so with a 0, which can be alerted on.
    yield "bulkhead_workers", [((cell,), count) for cell, count in (cells or {"main": 0}).items()]
    slots: Counter[str] = Counter()
    for worker in live:
        slots[worker.cell] += int(worker.slots) if worker.slots.isdigit() else 0
    yield "bulkhead_slots", [((cell,), count) for cell, count in slots.items()]
    yield "bulkhead_leases", [((), now.leases)]
    yield "bulkhead_wait_entries", [((), now.waiting)]
    yield "bulkhead_oldest_due_seconds", [((), now.oldest_due)]
    yield "bulkhead_schedule_overdue_seconds", [((), now.unfired)]
    yield "bulkhead_dead_submissions", [((), now.dead)]
    yield "bulkhead_unlisted_refusals", _refusals(now)
    yield "bulkhead_workers_died_total", [((), now.reaped["workers"])]
    leases = [((state,), now.reaped[state]) for state in ("granted", "begun")]
    yield "bulkhead_leases_reaped_total", list[Sample](leases)
    rows = [((end,), now.reaped[end]) for end in ("unknown", "poison")]
    yield "bulkhead_rows_reaped_total", list[Sample](rows)


def _of_jobs(now: Now) -> Measured:
    counted = Counter((job.tenant, job.app, job.state.value) for job in now.jobs)
    yield "bulkhead_jobs", list[Sample](counted.items())
    items: Counter[tuple[str, ...]] = Counter()
    retried: Counter[tuple[str, ...]] = Counter()
    queued: dict[tuple[str, ...], float] = {}
    for job in now.jobs:
        whose = (job.tenant, job.app)
        for outcome in OUTCOMES:
            items[*whose, outcome] += getattr(job.counts, outcome)
        retried[whose] += job.retries
        if job.state is JobState.QUEUED:
            queued[whose] = max(job.age, queued.get(whose, 0.0))
    yield "bulkhead_items", list[Sample](items.items())
    yield "bulkhead_item_retries", list[Sample](retried.items())
    yield "bulkhead_oldest_queued_job_seconds", list(queued.items())


def _of_apps(now: Now) -> Measured:
    apps = now.apps

    def each(values: Sequence[float | None]) -> list[Sample]:
        pairs = zip(apps, values, strict=True)
        return [((app.tenant, app.app), value) for app, value in pairs if value is not None]

    yield "bulkhead_app_in_flight", each([app.in_flight for app in apps])
    yield "bulkhead_app_retries_waiting", each([app.retries for app in apps])
    yield "bulkhead_app_permits_used", each([app.permits_used for app in apps])
    yield "bulkhead_app_permits_granted_total", each([app.permits_granted for app in apps])
    yield "bulkhead_app_rate", each([app.rate for app in apps])
    yield "bulkhead_app_pace", each([app.allowed for app in apps])
    yield "bulkhead_app_latency_seconds", each([app.latency for app in apps])
    states = [((a.tenant, a.app, state), a.state == state) for a in apps for state in STATES]
    yield "bulkhead_app_state", list[Sample](states)


def _of_calls(seen: Iterable[AppStats]) -> Measured:
    calls: list[Sample] = []
    took: list[Sample] = []
    for app in seen:
        whose = _whose(app.app)
        for op, outcomes in app.calls.items():
            if op != REALTIME:
                calls += [((*whose, op, outcome), count) for outcome, count in outcomes.items()]
        took += [((*whose, op), seconds) for op, seconds in app.took.items() if op != REALTIME]
    yield "bulkhead_http_calls_total", calls
    yield "bulkhead_http_seconds_total", took


def _of_realtime(seen: Iterable[AppStats], sessions: Iterable[SessionView]) -> Measured:
    states = Counter(one.state for one in sessions)
    yield "bulkhead_realtime_sessions", [((state,), states[state]) for state in SESSION_STATES]
    sent: list[Sample] = []
    took: list[Sample] = []
    for app in seen:
        whose = _whose(app.app)
        outcomes = app.calls.get(REALTIME, {})
        sent += [((*whose, outcome), count) for outcome, count in outcomes.items()]
        if REALTIME in app.took:
            took.append((whose, app.took[REALTIME]))
    yield "bulkhead_realtime_messages_total", sent
    yield "bulkhead_realtime_seconds_total", took


def _of_inbound(heard: Sequence[InboundCounts]) -> Measured:
    def each(name: str) -> list[Sample]:
        return [((*_whose(seen.app),), getattr(seen, name)) for seen in heard]

    yield "bulkhead_inbound_events_total", each("received")
    yield "bulkhead_inbound_repeats_total", each("repeated")
    refused = [
        ((*_whose(seen.app), reason), count)
        for seen in heard
        for reason, count in seen.refused.items()
    ]
    yield "bulkhead_inbound_refused_total", list[Sample](refused)
    yield "bulkhead_inbound_dropped_total", each("dropped")
    yield "bulkhead_inbound_message_events_total", each("statuses")
    yield "bulkhead_inbound_broadcast_events_total", each("placed")


def _of_credentials(held: Mapping[str, Mapping[str, InSlot]], at: float) -> Measured:
    """FCM's have no end and are not there. `at` is microseconds since 1970."""
    yield (
        "bulkhead_credential_days_left",
        [
            ((*_whose(app), slot), (one.not_after - at / 1e6) / DAY)
            for app, slots in held.items()
            for slot, one in slots.items()
            if one.not_after is not None
        ],
    )


def _whose(app: str) -> tuple[str, str]:
    return app.partition("/")[0], app


def _refusals(now: Now) -> list[Sample]:
    counted: Counter[tuple[str, ...]] = Counter()
    for seen in now.unlisted:
        counted[seen.app.split("/")[0], seen.app] += seen.count
    return list(counted.items())
