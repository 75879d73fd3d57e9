"""When an item is tried again, and when it has had its chances."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.model.app import write_duration
from bulkhead.model.outcome import Refused, Retry
from bulkhead.model.retry_policy import RetryPolicy

UNLISTED_ATTEMPTS = 3
"""Attempts at a word of mesibo's that nobody has listed."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more after so many seconds, with this step."""

    seconds: float
    step: str = ""


def decide(
    outcome: Retry,
    tries: int,
    age: float,
    policy: RetryPolicy,
    chance: Callable[[], float] = random.random,
    step: str = "",
) -> Again | Refused:
    """What follows the `tries`-th attempt of an item first tried `age` seconds ago.

    The pause is drawn evenly from zero to a limit that doubles (full jitter), so that what
    failed together does not come back together.
    """
    most = policy.attempts
    limit = min(most, UNLISTED_ATTEMPTS) if outcome.code == "UNLISTED" else most
    if tries >= limit:
        return Refused(outcome.code, f"{outcome.message} ({tries} attempts)", outcome.upstream)
    if age > policy.give_up_after:
        message = f"{outcome.message} (given up after {write_duration(age)})"
        return Refused("GAVE_UP", message, outcome.upstream)
    pause = chance() * policy.pause_after(tries)
    return Again(max(pause, outcome.after or 0.0), step)
