"""The metrics by name: their labels and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

from bulkhead.model.job import Counts

APP = ("tenant", "app")
STATES = ("active", "throttled", "cooling", "paused", "tenant_paused", "stopped")
COUNTER = "_total"
"""The end of the name of what only grows; all else is a gauge."""

OUTCOMES = tuple(field.name for field in fields(Counts) if field.name != "total")

METRICS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "bulkhead_store_up": ((), "1 if the store answered this scrape; else nothing follows."),
        "bulkhead_store_memory_bytes": ((), "Memory that the store uses."),
        "bulkhead_store_memory_max_bytes": ((), "The store's maxmemory; 0 means no limit."),
        "bulkhead_workers": (("cell",), "Workers with a live beat."),
        "bulkhead_slots": (("cell",), "Calls at once that those workers can make."),
        "bulkhead_workers_died_total": ((), "Workers that ended without a word, or were silent."),
        "bulkhead_leases": ((), "Leases granted or begun and not yet ended."),
        "bulkhead_leases_reaped_total": (
            ("state",),
            "Leases that outlived their worker or their time; only `begun` ones cost a call.",
        ),
        "bulkhead_rows_reaped_total": (
            ("outcome",),
            "Rows that ended with such a lease: `unknown`, or failed as `poison`.",
        ),
        "bulkhead_wait_entries": (
            (),
            "Apps and jobs that wait for a permit, a retry, a rest to end or their start.",
        ),
        "bulkhead_oldest_due_seconds": (
            (),
            "How long the oldest due entry has waited for a worker; 0 if none is due.",
        ),
        "bulkhead_schedule_overdue_seconds": (
            (),
            "How long the schedule that is due longest has waited for a worker; 0 if none is.",
        ),
        "bulkhead_oldest_queued_job_seconds": (
            APP,
            "Age of the app's oldest job of which nothing has been begun.",
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
        "bulkhead_item_retries": (
            APP,
            "Attempts at items of those jobs that were to be repeated; falls when jobs expire.",
        ),
        "bulkhead_app_in_flight": (APP, "Calls at once that are leased out for the app."),
        "bulkhead_app_retries_waiting": (APP, "Items of the app that wait to be tried again."),
        "bulkhead_app_permits_used": (
            APP,
            "Permits granted less those given back, since the app was added.",
        ),
        "bulkhead_app_permits_granted_total": (APP, "Permits granted, since the app was added."),
        "bulkhead_app_rate": (APP, "Calls a second that the app is set to."),
        "bulkhead_app_pace": (
            APP,
            "Calls a second allowed now: learned, else as set; 0: one trial call, or none.",
        ),
        "bulkhead_app_latency_seconds": (
            APP,
            "What a call of the app has taken on average lately.",
        ),
        "bulkhead_app_state": ((*APP, "state"), "1 for the state the app is in, 0 for the others."),
        "bulkhead_credential_days_left": (
            (*APP, "slot"),
            "Days until what the slot holds by our record expires; below 0 once it has.",
        ),
        "bulkhead_http_calls_total": (
            (*APP, "op", "outcome"),
            "Calls by operation and what each by itself came to; begins anew each month (UTC).",
        ),
        "bulkhead_http_seconds_total": (
            (*APP, "op"),
            "Time that those calls took, all together: over their number it is the mean latency.",
        ),
        "bulkhead_realtime_sessions": (
            ("state",),
            "Real-time sessions by state, of those that were needed within a day.",
        ),
        "bulkhead_realtime_messages_total": (
            (*APP, "outcome"),
            "Messages that sessions sent and what each came to; begins anew each month (UTC).",
        ),
        "bulkhead_realtime_seconds_total": (
            APP,
            "Time from asking a session to what mesibo said, of all those messages together.",
        ),
        "bulkhead_inbound_events_total": (
            APP,
            "Events that mesibo sent for the app and that were kept, each once.",
        ),
        "bulkhead_inbound_repeats_total": (APP, "Events that came again and were not kept again."),
        "bulkhead_inbound_refused_total": (
            (*APP, "reason"),
            "Deliveries for the app of which nothing was kept.",
        ),
        "bulkhead_inbound_dropped_total": (
            APP,
            "Events that made room for newer ones before their time, or were too many at once.",
        ),
        "bulkhead_inbound_message_events_total": (
            APP,
            "Events about how far a message has come, whosever it was; also those that came again.",
        ),
        "bulkhead_inbound_broadcast_events_total": (
            APP,
            "Those of them that were about a message of a broadcast; they are counted, not kept.",
        ),
    }
)
"""Metric name to its labels and what it means."""
