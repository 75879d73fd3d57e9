"""The ways that a message may go: by the backend, or through a session of its sender."""

from __future__ import annotations

from bulkhead.errors import InvalidInput

BACKEND, REALTIME = "backend", "realtime"
VIA = (BACKEND, REALTIME)

SENDER_CLASS = "sender"
"""Of an app's classes: the rate of each of its real-time senders by itself."""

LARGEST_REALTIME_GID = 2**31 - 1
"""The package takes a group's number as one with a sign, and raises for a larger one."""


def refuse_way(via: str, chunk: int) -> None:
    """Raises InvalidInput for what that way cannot do."""
    if via == REALTIME and chunk > 1:
        raise InvalidInput(
            "people cannot share a message in real time",
            why="a session sends to one person or group with each message",
            to_do="leave the chunk away, or send it by the backend",
        )
