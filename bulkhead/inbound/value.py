"""Single values of an event, from whatever form they came in. Nothing here ever raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeGuard

LARGEST = (1 << 63) - 1
LONGEST_TEXT = 2_000
_NUMBER = re.compile(r"[+-]?\d{1,19}")
_YES = frozenset({"true", "yes", "ok", "success", "succeeded", "sent", "delivered"})
_NO = frozenset({"false", "no", "fail", "failed", "failure", "error", "invalid", "expired"})

MESSAGE_STATUS: Mapping[int, str] = MappingProxyType(
    {
        0: "outbox",
        1: "sent",
        2: "delivered",
        3: "read",
        128: "failed",
        129: "user_offline",
        130: "inbox_full",
        131: "invalid_destination",
        132: "expired",
        134: "no_incoming",
        136: "blocked",
        144: "group_paused",
        145: "not_member",
    }
)
"""What the numbers mean, as mesibo's packages have them."""
_CODE_OF = {word.replace("_", ""): code for code, word in MESSAGE_STATUS.items()} | {
    "fail": 128,
    "invaliddest": 131,
}
_PRESENCE = {"online": True, "offline": False, "1": True, "2": False}


def members(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(*values: object) -> str:
    """The first that is text or a number, as text of bounded length; else nothing."""
    for value in values:
        if isinstance(value, str) and value:
            return value[:LONGEST_TEXT]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
            return str(value)
    return ""


def number(*values: object) -> int | None:
    """The first that is a whole number of 64 bits, also one written as text or as 3.0."""
    for value in values:
        if not isinstance(value, bool) and _is_whole(value) and abs(int(value)) <= LARGEST:
            return int(value)
    return None


def _is_whole(value: object) -> TypeGuard[str | int | float]:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def truth(*values: object) -> bool | None:
    """The first that says yes or no, in any spelling."""
    for value in values:
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float) and value in (0, 1):
            return bool(value)
        if isinstance(value, str):
            word = value.strip().lower()
            if word in _YES or word == "1":
                return True
            if word in _NO or word == "0":
                return False
    return None


def message_status(value: object) -> tuple[str, int | None]:
    """A status as word and number, whichever of the two came."""
    code = number(value)
    if code is not None:
        return MESSAGE_STATUS.get(code, str(code)), code
    word = text(value).strip().lower()
    code = _CODE_OF.get(re.sub(r"[\s_-]", "", word))
    return (word if code is None else MESSAGE_STATUS[code]), code


def online(value: object) -> bool | None:
    """Whether a user's status, a word or a number, says online."""
    return _PRESENCE.get(text(value).strip().lower())
