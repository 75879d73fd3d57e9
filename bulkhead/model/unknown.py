"""What a job wants done about calls that were sent and never confirmed."""

from __future__ import annotations

from bulkhead.errors import InvalidInput
from bulkhead.model.kind import KINDS

HOLD, RESEND, DROP = "hold", "resend", "drop"
ON_UNKNOWN = (HOLD, RESEND, DROP)
"""`hold` leaves the item unknown, `resend` sends it again, `drop` counts it as failed."""

NOT_CONFIRMED = "NOT_CONFIRMED"
"""The code of such items, whatever they count as."""
DROPPED = "; counted as failed, as its job was told to"
"""Behind the message of an item that would be unknown; the scripts write the same."""
DROPPED_HINT = (
    "It may have been carried out all the same. Look before you send it again: "
    "`bulkhead jobs retry JOB --only NOT_CONFIRMED` does."
)


def refuse_policy(kind: str, policy: str) -> None:
    """Raises InvalidInput for a word that is none of ours, and for a kind that takes no policy."""
    if policy not in ON_UNKNOWN:
        raise InvalidInput(
            f"{policy!r} is no policy for lost answers",
            why=f"it must be one of {', '.join(ON_UNKNOWN)}",
            to_do="leave it away to have such rows as unknown; nothing was sent",
        )
    if policy != HOLD and kind in KINDS and not KINDS[kind].policies:
        raise InvalidInput(
            f"{kind} takes no policy for lost answers",
            why="its own steps say what follows one: it is not left to chance which file is there",
            to_do="leave the policy away; nothing was sent",
        )
