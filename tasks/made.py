"""What is known of a call by itself, and of one that an error of ours has ended."""

from __future__ import annotations

from bulkhead.backend.call import Call
from bulkhead.backend.reply import Reply, bytes_of
from bulkhead.model.kind import READ_BACK
from bulkhead.model.outcome import (
    Done,
    Next,
    Outcome,
    Refused,
    Repeat,
    Retry,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.traffic import CallMade

_WORDS = {
    Done: "succeeded",
    Refused: "refused",
    Retry: "retried",
    Throttled: "throttled",
    Stopped: "token_refused",
}
"""What a call by itself came to; whether an item needs another one is not asked here."""


def made(call: Call, said: Outcome | None, reply: Reply | None) -> CallMade:
    sent, received = bytes_of(reply) if reply is not None else (0, 0)
    user = call.key if sent and call.op.startswith("user") else ""
    return CallMade(call.op, _WORDS.get(type(said), "unknown"), user, sent, received)


def lost(call: Call | Refused | None, kind: str) -> Retry | Next | Unknown:
    """What is known of a call that ended in an error of ours: it may have been sent."""
    if isinstance(call, Call) and call.repeat is Repeat.CHECK:
        return Next(READ_BACK, Upstream(call.op))
    if isinstance(call, Call) and call.repeat is Repeat.ONCE:
        return Unknown("the call failed inside Bulkhead", Upstream(call.op))
    upstream = Upstream(call.op if isinstance(call, Call) else kind)
    return Retry("UPSTREAM_ERROR", "the call failed inside Bulkhead", upstream)
