"""The codes of messages of the Celery front door that became no job."""

from __future__ import annotations

from bulkhead.model.code_entry import Code

MESSAGES = (
    Code(
        "NOT_A_MESSAGE",
        "fatal",
        False,
        "What lay in the front list is no Celery message with JSON arguments.",
        "Send it with a Celery client and the serializer json; drop this one.",
    ),
    Code(
        "MESSAGE_TOO_LARGE",
        "fatal",
        False,
        "A message has more than 4 MiB.",
        "Send several with one idempotency key, `append` in each and `last` in the last.",
    ),
    Code(
        "MESSAGE_EXPIRED",
        "fatal",
        False,
        "A message was read after the time its sender gave it with `expires`.",
        "Send it again if it is still wanted.",
    ),
    Code(
        "PAYLOAD_INVALID",
        "fatal",
        False,
        "A message's arguments are not what its kind takes.",
        "Correct them by the kind's JSON Schema and send the message again.",
    ),
    Code(
        "NOT_IN_THIS_VERSION",
        "fatal",
        True,
        "A message is of a kind that this version cannot carry out yet.",
        "Retry it with `bulkhead submissions dead retry` after the upgrade.",
    ),
    Code(
        "NAME_UNKNOWN",
        "fatal",
        True,
        "A message names an app or a job that is not there.",
        "Add the app, then `bulkhead submissions dead retry`; or correct the name.",
    ),
    Code(
        "CONFLICT",
        "fatal",
        True,
        "A message asks for what the present state or an earlier request does not allow.",
        "Read the reason; use another idempotency key for other content.",
    ),
    Code(
        "PARTS_INCOMPLETE",
        "fatal",
        False,
        "Parts of a job came, and the others did not within a day.",
        "Send all parts again under another idempotency key.",
    ),
    Code(
        "MESSAGE_FAILED",
        "fatal",
        True,
        "An error of ours kept a message from being carried out.",
        "See the worker's log, then `bulkhead submissions dead retry`.",
    ),
)
