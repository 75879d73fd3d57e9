"""What every door refuses of a broadcast before its recipients are read, or once they are."""

from __future__ import annotations

import time
from dataclasses import replace

from bulkhead.audience import Audience
from bulkhead.engine.draft import Request
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, NotPermitted
from bulkhead.lateness import from_first_to_last, refuse_late
from bulkhead.model.app import App, write_duration
from bulkhead.model.broadcast import Letter
from bulkhead.model.forecast import forecast
from bulkhead.model.in_time import limits_of
from bulkhead.model.kind import MOST_JOINED
from bulkhead.model.situation import lasting
from bulkhead.model.user import LONGEST_ADDRESS
from bulkhead.ordering import Options

ROOM = 7_400
"""Bytes of a body for the text of a message and all to whom it goes."""
LATE = 60.0
"""Seconds: a program that says "now" takes a moment to say it."""


def refuse_sender(app: App, sender: str) -> None:
    """Raises NotPermitted unless the app may send messages from this address."""
    allowed = app.settings.senders
    if allowed is not None and sender not in allowed:
        raise NotPermitted(
            f"{app.id} may not send from {sender}",
            why=f"its senders are {', '.join(allowed)}",
            to_do=f"name one of them, or allow it: `bulkhead apps set {app.id} --senders …`",
        )


def refuse_chunk(letter: Letter, chunk: int) -> None:
    """Raises InvalidInput for people who cannot share a call."""
    room = (ROOM - letter.size) // (LONGEST_ADDRESS + 1)
    most = min(MOST_JOINED, room)
    if chunk > 1 and not letter.fixed:
        why, to_do = "each person gets a text of their own", "leave the chunk or the variables away"
    elif not 1 <= chunk <= most:
        why, to_do = f"1 to {most} people fit beside this message", "give a smaller chunk"
    else:
        return
    raise InvalidInput(f"{chunk} people cannot share a call", why=why, to_do=to_do)


def calls_of(groups: int, users: int, chunk: int) -> int:
    """The least calls that so many recipients take."""
    return groups + -(-users // chunk)


def refuse_slow(scripts: Scripts, request: Request, app: App, audience: Audience) -> None:
    """Raises InvalidInput if not everybody can be written to in time.

    That is before its end, and before the first message expires.
    """
    calls = calls_of(audience.groups, audience.users, request.join or 1)
    refuse_late(scripts, request, calls)
    expiry = Letter.of(request.params).expiry
    # How quickly calls are answered just now says little of how quickly they will be.
    limits = limits_of(app, "message", request.rate, request.sender)
    limits = replace(limits, latency=None)
    takes = forecast(calls, limits).seconds
    if not expiry:
        return
    in_all = from_first_to_last(request, takes, expiry)
    if in_all > expiry:
        inside = f", {lasting(in_all)} with the rests of its window" if in_all > takes else ""
        raise InvalidInput(
            "the broadcast takes longer than its messages are kept; nothing was sent",
            why=f"{calls:,} calls take {lasting(takes)} at {limits.rate:g}/s{inside}, and a "
            f"message that is not delivered is dropped after {write_duration(expiry)}",
            to_do="give a longer expiry, a higher rate, or --force-late",
        )


def refuse_past(scripts: Scripts, app: str, options: Options) -> None:
    """Raises InvalidInput for a time that is over, unless the key's job was made before."""
    at = options.at
    if at is None or at > time.time() - LATE:
        return
    key = options.idempotency_key
    if key and Jobs(scripts).made_with(app.partition("/")[0], key) is not None:
        return
    raise InvalidInput(
        "the broadcast's time is over",
        why="it was to begin in the past, and would begin at once",
        to_do="give a time to come, or none to begin now",
    )
