"""The closed list of what a log line can say. `docs/reference/events.md` lists exactly these."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "worker_started": "A worker process is connected to the store and takes work.",
        "worker_stopping": "A worker was told to end: it takes nothing new and finishes its calls.",
        "worker_stopped": "A worker has ended; what it could not finish is left to its leases.",
        "worker_drained": "A worker was told to take nothing more, has nothing left, and ends.",
        "worker_lost_store": "The store does not answer; the worker starts no call until it does.",
        "worker_found_store": "The store answers again and the worker goes on.",
        "api_started": "The API listens and answers, whether or not the store does.",
        "api_stopped": "The API has ended; requests in hand were given a moment to finish.",
        "slice_finished": "All items of a slice were tried, with how many ended in which way.",
        "item_finished": "An item, or a call for it, ended (DEBUG); an item's last line counts.",
        "slice_refused": "A slice may not begin: late, paused, past a limit, or on no replica.",
        "job_finished": "A job reached a state that never changes, with its counts.",
        "tokens_read": "A person read the user tokens that a job issued; it is on the audit too.",
        "app_stopped": "An app's token was not accepted: nothing is sent for it until it changes.",
        "app_cooling": "An app is throttled, or cannot be read by a worker: it rests for a while.",
        "credential_expires": "What a slot holds ends in 60, 30, 14, 7, 1 or 0 days: told once.",
        "lease_reaped": "The lease of a lost or hung slice ended and its items are free again.",
        "parcel_failed": "A parcel could not be run; its leases end by themselves.",
        "parcel_refused": "A parcel arrived twice, or too late to be run; it is passed over.",
        "feeder_failed": "Taking work from the store failed; the feeder tries again.",
        "message_accepted": "A message of the Celery front door became a job, or changed one.",
        "message_refused": "A message of the front door was refused and is kept, with the reason.",
        "door_inherited": "What a dead worker had in hand at the front door is carried out here.",
        "door_waits": "The front door waits for the store or the broker; no message is lost.",
        "door_failed": "An error nobody expected at the front door; it goes on.",
        "notice_failed": "A job document could not be sent to a task or queue, and is dropped.",
        "inbound_received": "Events that mesibo sent were kept, known already, or `placed` with a "
        "broadcast (DEBUG).",
        "inbound_refused": "A delivery of mesibo's was not kept; a line a minute by app and why.",
        "inbound_dropped": "Inbound events made room before their time; a line a minute by app.",
        "inbound_unknown": "Deliveries came to a path that is nobody's; a line a minute.",
        "inbound_put_off": "Deliveries were answered 503, to be sent again; a line a minute.",
        "part_restarted": "A process of `bulkhead up` ended by itself and is started again.",
        "queue_left_behind": "An ended worker's queue could not be deleted; that is only untidy.",
        "pulse_failed": "A heartbeat failed, and not because the store is away; it tries again.",
        "session_online": "A sender's real-time session is signed in: its messages go out.",
        "session_offline": "A session lost its connection; the package connects again by itself.",
        "session_failed": "A session cannot be had for now, and why; it is tried again.",
        "session_closed": "A worker let a session go, and why.",
        "session_lost": "A worker closed a session that it had no longer, and why.",
        "session_cooling": "mesibo wants fewer messages of a sender: it gets none for so long.",
        "session_words_lost": "What a session said could not be taken down; calls may be unknown.",
        "session_pump_failed": "Taking what sessions are asked failed; it is tried again.",
        "keeper_failed": "Keeping a session met an error nobody expected; it goes on.",
        "radio_failed": "Asking sessions met an error nobody expected; it goes on.",
        "realtime_unusable": "The installed real-time package cannot be used, and why.",
        "schedule_fired": "A schedule made its job; `late_s` are the seconds after its time.",
        "schedule_skipped": "A schedule made no job: its last one goes on, or nobody was there.",
        "schedule_refused": "A schedule's job was refused; the next firing goes on as planned.",
        "schedule_put_off": "A firing met a store that is away, or an accident; it is tried again.",
        "scheduler_failed": "Looking for what is to fire failed; it looks again.",
        "store_started": "The embedded store runs and has loaded its data.",
        "store_stopped": "The embedded store has ended with its data at rest.",
        "setting_unknown": "A BULKHEAD_ variable or a key of the settings file is read by nobody.",
        "library_message": "A library said something: its words are in `message`.",
        "unexpected_error": "An error nobody expected ended a thread or the process.",
    }
)
"""Event name to what it means, in one sentence."""
