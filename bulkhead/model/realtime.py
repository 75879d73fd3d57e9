"""What the numbers of the real-time package mean: a connection's, a message's, and its ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

APP_ID = "bulkhead.realtime"
"""The app id of our sign-ins: the user token is issued for it, and the session is named by it."""

_APP_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")

HIGHEST_MID = 2**32 - 1
HIGHEST_GID = 2**31 - 1
"""The package takes no larger group id, although mesibo's own go to 2^32 - 1."""


class Ends(Enum):
    """What a connection status means for the session that hears it."""

    NOT = "not"
    """It works, or comes back by itself."""
    TOKEN = "token"  # noqa: S105 -- a word of ours
    """The user token is not accepted: one new token may help."""
    FOR_GOOD = "for good"
    """The package does not come back by itself."""


@dataclass(frozen=True, slots=True)
class Status:
    """A number of the package, our word for it, and what it means in a sentence."""

    number: int
    word: str
    means: str
    ends: Ends = Ends.NOT


# Sources: the numbers are exported by mesibo 2.7.1; what they end is the vendor's documentation.
_CONNECTION = (
    Status(-1, "activity", "A sign of life."),
    Status(0, "unknown", "Nothing has been heard yet."),
    Status(1, "online", "The session is signed in."),
    Status(2, "offline", "The connection is lost; the package connects again by itself."),
    Status(3, "signed_out", "Somebody else signed in with this token.", Ends.FOR_GOOD),
    Status(4, "auth_failed", "The user token is not accepted.", Ends.TOKEN),
    Status(5, "stopped", "The package was stopped.", Ends.FOR_GOOD),
    Status(6, "connecting", "The package is about to connect."),
    Status(7, "connect_failed", "It could not connect and tries again by itself."),
    Status(8, "no_network", "This host has no network; it tries again by itself."),
    Status(9, "on_premise_error", "The on-premise server cannot be used.", Ends.FOR_GOOD),
    Status(10, "suspended", "The application is suspended.", Ends.FOR_GOOD),
    Status(20, "update_available", "A newer package is to be had; this one still works."),
    Status(21, "update_required", "mesibo lets only a newer package in.", Ends.FOR_GOOD),
    Status(22, "shut_down", "The server ends the connection for good.", Ends.FOR_GOOD),
)

_MESSAGE = (
    Status(0, "outbox", "Not accepted yet."),
    Status(1, "sent", "The server has accepted it."),
    Status(2, "delivered", "It reached a device of the recipient."),
    Status(3, "read", "The recipient has read it."),
    Status(18, "received_new", "It came in and is unread."),
    Status(19, "received_read", "It came in and is read."),
    Status(21, "call_missed", "A call was not taken."),
    Status(22, "call_incoming", "A call came in."),
    Status(23, "call_outgoing", "A call went out."),
    Status(32, "custom", "A status of an application's own."),
    Status(33, "deleted", "The message was deleted."),
    Status(34, "wiped", "The text was wiped."),
    Status(35, "e2e", "A note about end-to-end encryption."),
    Status(48, "timestamp", "A mark of time between messages."),
    Status(128, "failed", "mesibo could not take it."),
    Status(129, "user_offline", "The recipient is not signed in, and it does not wait."),
    Status(130, "inbox_full", "The recipient's inbox is full."),
    Status(131, "no_such_recipient", "There is no such user or group."),
    Status(132, "expired", "Its time was over before it could be delivered."),
    Status(134, "no_incoming", "The recipient takes no messages."),
    Status(136, "blocked", "The recipient blocks this sender."),
    Status(144, "group_paused", "The group is paused."),
    Status(145, "not_a_member", "The sender may not write to this group."),
)

_RESULT = (
    Status(0, "ok", "Taken; a status follows."),
    Status(-1, "not_taken", "The package did not take it, such as a file that is not there."),
    Status(128, "failed", "It failed."),
    Status(129, "general_error", "It failed."),
    Status(131, "no_such_recipient", "There is no such user or group."),
    Status(132, "inbox_full", "The recipient's inbox is full."),
    Status(133, "bad_request", "The message is empty, or nobody is signed in."),
    Status(134, "over_capacity", "mesibo is over its capacity."),
    Status(135, "retry_later", "mesibo asks for a later try."),
    Status(138, "e2e_error", "End-to-end encryption failed."),
    Status(140, "rate_limited", "mesibo's rate limit."),
    Status(176, "timed_out", "No answer in time."),
    Status(177, "connect_failed", "No connection."),
    Status(178, "disconnected", "No connection."),
    Status(179, "in_progress", "The connection is being made."),
    Status(180, "buffer_full", "The package's buffer is full."),
    Status(192, "auth_failed", "The user token is not accepted."),
    Status(193, "denied", "mesibo does not allow it."),
)

CONNECTION = {status.number: status for status in _CONNECTION}
MESSAGE = {status.number: status for status in _MESSAGE}
RESULT = {status.number: status for status in _RESULT}

CALLS = frozenset({21, 22, 23})
"""Message statuses that tell of a call: the package has no callback of its own for calls."""


def connection_word(status: int) -> str:
    """Our word for a connection status: `online`; `77 (unnamed)` where we have none."""
    return _word(CONNECTION, status)


def message_word(status: int) -> str:
    """Our word for a message's status: `delivered`; `141 (unnamed)` where we have none."""
    return _word(MESSAGE, status)


def result_word(result: int) -> str:
    """Our word for what a call of the package returned: `rate_limited`, `141 (unnamed)`."""
    return _word(RESULT, result)


def ended_by(status: int) -> Ends:
    """What this connection status means for the session; one that we do not know ends nothing."""
    known = CONNECTION.get(status)
    return known.ends if known else Ends.NOT


def accepted(status: int) -> bool:
    """Whether this message status says that the server has taken the message."""
    return status in {1, 2, 3}


def is_failure(status: int) -> bool:
    """Whether this message status says that the message will not arrive."""
    return 128 <= status <= 255


def is_app_id(text: str) -> bool:
    """Whether the package bears this app id: one without a dot ends its process with SIGSEGV."""
    return _APP_ID.fullmatch(text) is not None


def is_carried(text: str) -> bool:
    """Whether a text reaches the package whole: a NUL would cut it, a lone surrogate breaks it."""
    try:
        return b"\0" not in text.encode("utf-8")
    except UnicodeEncodeError:
        return False


def signed(mid: int) -> int:
    """A message id as the package takes it: its 32 bits with a sign."""
    return mid - 2**32 if mid > HIGHEST_GID else mid


def unsigned(mid: int) -> int:
    """The message id that we gave, from what the package says: its lowest 32 bits."""
    return mid & HIGHEST_MID


def _word(known: dict[int, Status], number: int) -> str:
    status = known.get(number)
    return status.word if status else f"{number} (unnamed)"
