"""The calls that send a message.

mesibo takes no id of ours for a message and lists none that were sent, so a second call is a
second message, and nothing says afterwards whether the first was carried out. The facts are from
its page "Backend APIs - Messaging".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.model.broadcast import Letter, Text
from bulkhead.model.outcome import Repeat, Upstream

NOTHING_SAID = Upstream("message")
"""Of a message without an answer."""


def to_group(letter: Letter, text: Text, gid: int) -> Call:
    """Send it to every member of the group."""
    return _message(letter, text, {"gid": gid}, f"gid:{gid}")


def to_people(letter: Letter, text: Text, addresses: Sequence[str]) -> Call:
    """Send it to these people by one call, whose one answer is for all of them."""
    to = ",".join(addresses)
    return _message(letter, text, {"to": to}, to)


def _message(letter: Letter, text: Text, to: dict[str, Any], key: str) -> Call:
    parts = {"message": text.message, "url": text.url, "title": text.title}
    members = {
        "from": letter.sender,
        **to,
        # Always said: left out, it would be a year.
        "expiry": letter.expiry,
        **{name: part for name, part in parts.items() if part},
    }
    return Call("message", {"message": members}, Repeat.ONCE, key)
