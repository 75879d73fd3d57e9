"""What a session's answer means for the message it is about. Pure.

The numbers are those that the package prints (its release 2.7.1) and its C header names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bulkhead.model.outcome import Done, Outcome, Refused, Retry, Unknown, Upstream

OP = "message"
ACCEPTED = frozenset({1, 2, 3})
"""Statuses of a message that mesibo's server has: sent, delivered, read."""
ENDS = 128
"""From this status on a message has failed; below it, it is on its way or not a sent one."""
SLOW_DOWN = frozenset({134, 135, 140, 180})
"""What `send` returns where mesibo, or the package's buffer, takes no more for now."""
NOT_SIGNED_IN = frozenset({141, 176, 177, 178, 179})
"""What `send` returns while there is no connection: nothing was queued, nothing left."""
BAD_REQUEST = 133
NO_FILE = -1
"""What `send` returns where the file could not be read."""

_REFUSED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        129: ("RECIPIENT_OFFLINE", "the recipient is not online, and the message does not wait"),
        131: ("NO_SUCH_RECIPIENT", "mesibo knows no such recipient"),
        132: ("MESSAGE_LAPSED", "the message lapsed before it was delivered"),
        BAD_REQUEST: ("REFUSED", "mesibo found the message not well formed"),
        134: ("TAKES_NO_MESSAGES", "the recipient takes no messages"),
        136: ("SENDER_BLOCKED", "the recipient has blocked the sender"),
        145: ("NOT_A_MEMBER", "the sender is no member of the group"),
        192: ("SENDER_DENIED", "mesibo does not let the sender write there"),
        193: ("SENDER_DENIED", "mesibo does not let the sender write there"),
    }
)
_RETRIED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        130: ("INBOX_FULL", "the recipient's inbox is full"),
        144: ("GROUP_PAUSED", "the group is paused"),
    }
)
_FAILED = 128


def comes_back(result: int) -> bool:
    """True if `send` took nothing, and the same message may be sent a little later."""
    return result in SLOW_DOWN or result in NOT_SIGNED_IN


def outcome_of(said: Mapping[str, Any], mid: int, tries: int) -> Outcome | None:
    """What an answer means for an item that was tried so often before.

    None: nothing was sent, and the item goes back as if it had never been begun.
    """
    if said.get("withheld"):
        return None
    if "ended" in said:
        why = "the process of the sender's session ended before mesibo answered"
        return Unknown(f"sent, but not confirmed: {why}", _told(mid, None))
    if "refused" in said:
        return Refused("UNSENDABLE", str(said["refused"]), _told(mid, None))
    if "result" in said:
        result = int(said["result"])
        return None if comes_back(result) else _refused_by_package(result, mid, tries)
    if said.get("member"):
        # It is about one of many: the message itself is with mesibo.
        return Done(_told(mid, None), "accepted")
    return _of_status(int(said["status"]), mid, tries)


def unconfirmed(why: str, mid: int) -> Unknown:
    """What is known of a message that was handed on, and of which no more was heard."""
    return Unknown(f"sent, but not confirmed: {why}", _told(mid, None))


def _refused_by_package(result: int, mid: int, tries: int) -> Outcome:
    if result == NO_FILE:
        return Refused("UNSENDABLE", "the package could not read the file", _told(mid, result))
    return _of_status(result, mid, tries)


def _of_status(status: int, mid: int, tries: int) -> Outcome:
    if status in ACCEPTED:
        return Done(_told(mid, None), "accepted")
    upstream = _told(mid, status)
    if status == _FAILED:
        message = "mesibo said that the message failed"
        again = Retry("MESSAGE_NOT_SENT", message, upstream)
        return again if tries == 0 else Refused("MESSAGE_NOT_SENT", f"{message} twice", upstream)
    if status in _RETRIED:
        code, message = _RETRIED[status]
        return Retry(code, message, upstream)
    known = _REFUSED.get(status)
    if known is None:
        return Refused("UNLISTED", f"mesibo answered with {status}, which we do not know", upstream)
    return Refused(*known, upstream)


def _told(mid: int, status: int | None) -> Upstream:
    # As a word: `error` is what results show of why mesibo said no.
    error = None if status is None else str(status)
    return Upstream(OP, error=error, details={"mid": mid})
