"""What becomes of a call that was sent and never confirmed, as its job wants it."""

from __future__ import annotations

from bulkhead.engine.cabinet import JobFacts
from bulkhead.model.kind import RESENT, may_be_resent
from bulkhead.model.outcome import Outcome, Refused, Retry, Unknown, Upstream
from bulkhead.model.slice import Slice
from bulkhead.model.unknown import DROP, DROPPED, NOT_CONFIRMED, RESEND
from tasks.retry import Again


def sent_again(facts: JobFacts, part: Slice, outcome: Outcome) -> Outcome:
    """The outcome, or another attempt where a job sends again what may have arrived.

    From then on the item is at a step of its own: whatever ends it, it is known to have been sent.
    """
    if not isinstance(outcome, Unknown) or facts.on_unknown != RESEND:
        return outcome
    if not may_be_resent(facts.kind, part.operation):
        return outcome
    upstream = outcome.upstream or Upstream(facts.kind)
    return Retry(outcome.code, outcome.message, upstream, step=part.operation + RESENT)


def never_confirmed(decided: Refused, outcome: Retry) -> Unknown:
    """What is known of an item that was sent, and has used up its attempts."""
    if outcome.code == NOT_CONFIRMED:
        return Unknown(decided.message, outcome.upstream)
    message = f"sent, but not confirmed, and not to be sent again: {decided.message}"
    return Unknown(message, outcome.upstream)


def counted(facts: JobFacts, outcome: Outcome | Again) -> Outcome | Again:
    """The same, and what is unknown as failed where a job wants no unknown rows."""
    if not isinstance(outcome, Unknown) or facts.on_unknown != DROP:
        return outcome
    return Refused(outcome.code, outcome.message + DROPPED, outcome.upstream)
