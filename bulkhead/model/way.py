"""The ways that a message may go: by the backend, or through a session of its sender."""

from __future__ import annotations

from bulkhead.errors import InvalidInput

BACKEND, REALTIME = "backend", "realtime"
VIA = (BACKEND, REALTIME)

WAIT, REFUSE = "wait", "refuse"
NO_SESSION = (WAIT, REFUSE)
"""Of a message in real time whose sender cannot sign in: it stays pending, or is refused."""

SENDER_CLASS = "sender"
"""Of an app's classes: the rate of each of its real-time senders by itself."""

LARGEST_REALTIME_GID = 2**31 - 1
"""The package takes a group's number as one with a sign, and raises for a larger one."""


def refuse_way(via: str, chunk: int, no_session: str) -> None:
    """Raises InvalidInput for what that way cannot do."""
    if no_session and no_session not in NO_SESSION:
        raise InvalidInput(
            f"{no_session!r} says nothing of a missing session",
            why=f"it is one of {', '.join(NO_SESSION)}",
            to_do="leave it away to have messages wait for their session",
        )
    if via == BACKEND and no_session:
        raise InvalidInput(
            "the backend needs no session",
            why="only a message in real time can miss one",
            to_do="leave that away, or send it in real time",
        )
    if via == REALTIME and chunk > 1:
        raise InvalidInput(
            "people cannot share a message in real time",
            why="a session sends to one person or group with each message",
            to_do="leave the chunk away, or send it by the backend",
        )
