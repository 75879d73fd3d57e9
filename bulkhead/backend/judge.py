"""What a reply means for the item it was for: ENGINE's table, as a pure function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from bulkhead.backend.call import Call
from bulkhead.backend.envelope import Accepted, Declined, Reading
from bulkhead.backend.reply import Answer, NoAnswer, NotSent
from bulkhead.backend.words import WordClass, Words, plain
from bulkhead.model.kind import READ_BACK
from bulkhead.model.outcome import (
    Done,
    Next,
    Outcome,
    Refused,
    Repeat,
    Retry,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)

_A_WORD = re.compile(r"[A-Z][A-Z_ -]{0,39}")
"""What may stand in a message: nothing that could be a token, an address or a text."""
UNLISTED_ATTEMPTS = 3
"""Attempts that end in UNLISTED before the item is refused for good."""

LONGEST_WAIT = 6 * 3600.0
"""Seconds: a `Retry-After` asks for no more, because items are given up after that."""

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_UNREACHABLE = {"tls": "TLS_FAILED", "proxy": "PROXY_FAILED"}
_DETAILS = {"useradd": "created_or_updated", "userset": "updated", "userdel": "deleted"}


@dataclass(frozen=True, slots=True)
class Read:
    """An answer with what its body says."""

    answer: Answer
    reading: Reading


def judge(call: Call, reply: Read | NotSent | NoAnswer, words: Words, now: float) -> Outcome:
    """What became of the item; `now` is in Unix seconds, for a `Retry-After` that is a date.

    The JSON `result` decides; the HTTP status counts only where there is none, and for 429.
    """
    if isinstance(reply, NotSent):
        code = _UNREACHABLE.get(reply.kind, "BACKEND_UNREACHABLE")
        return Retry(code, reply.reason, Upstream(call.op))
    if isinstance(reply, NoAnswer):
        return _unconfirmed(call, "NO_ANSWER", reply.reason, Upstream(call.op))
    after = _seconds(reply.answer.retry_after, now)
    status = reply.answer.status
    if isinstance(reply.reading, Accepted):
        return _accepted(call, reply.reading, status)
    if isinstance(reply.reading, Declined):
        upstream = Upstream(call.op, status, reply.reading.word)
        return _declined(call, words.classify(reply.reading.word), upstream, after)
    return _unusable(call, reply.reading.why, Upstream(call.op, status), after)


def _accepted(call: Call, said: Accepted, status: int) -> Done | Refused:
    upstream = Upstream(call.op, status, details=said.details)
    if call.issues and said.issued is None:
        return Refused("UNUSABLE_ANSWER", "the answer holds no user token", upstream)
    detail = _DETAILS.get(call.op, "accepted")
    issued = said.issued if call.issues else None
    return Done(upstream, detail, issued, said.listed, said.groups)


def _declined(call: Call, meaning: WordClass, upstream: Upstream, after: float | None) -> Outcome:
    # 429 says more than a word nobody knows, and less than one that stops the app.
    if upstream.http_status == 429 and meaning in (WordClass.UNLISTED, WordClass.TRANSIENT):
        meaning = WordClass.THROTTLED
    if meaning is WordClass.THROTTLED:
        return _throttled(upstream, after)
    if meaning is WordClass.AUTH:
        return _stopped(upstream)
    if meaning is WordClass.TRANSIENT:
        return _unconfirmed(call, "UPSTREAM_ERROR", "the backend reported a fault", upstream, after)
    if meaning is WordClass.PERMANENT:
        code = "BADOP" if plain(upstream.error or "") == "BADOP" else "REFUSED"
        return Refused(code, "the backend refused the request", upstream)
    return _unlisted(call, upstream, after)


def _stopped(upstream: Upstream) -> Stopped:
    if plain(upstream.error or "") == "TOKENBREACH":
        return Stopped("TOKEN_BREACH", "mesibo has disabled the app", upstream)
    return Stopped("AUTH_FAILED", "the app token is not accepted", upstream)


def _unlisted(call: Call, upstream: Upstream, after: float | None) -> Retry | Refused:
    word = upstream.error or ""
    named = f": {word}" if _A_WORD.fullmatch(word) else ""
    message = f"the backend refused with a word we do not know{named}"
    if call.repeat is Repeat.ONCE:
        return Refused("UNLISTED", message, upstream)
    return Retry("UNLISTED", message, upstream, after)


def _unusable(call: Call, why: str, upstream: Upstream, after: float | None) -> Outcome:
    status = upstream.http_status or 0
    if status == 429:
        return _throttled(upstream, after)
    if status == 413:
        return Refused("BODY_TOO_LARGE", "the backend found the request too large", upstream)
    code = "UPSTREAM_ERROR" if status >= 500 else "UNUSABLE_ANSWER"
    return _unconfirmed(call, code, f"the answer was {why}", upstream, after)


def _throttled(upstream: Upstream, after: float | None) -> Throttled:
    return Throttled("THROTTLED", "the backend asked for fewer calls", upstream, after)


def _unconfirmed(
    call: Call, code: str, why: str, upstream: Upstream, after: float | None = None
) -> Outcome:
    if call.repeat is Repeat.SAFE:
        return Retry(code, why, upstream, after)
    if call.repeat is Repeat.CHECK:
        return Next(READ_BACK, upstream)
    return Unknown(f"sent, but not confirmed: {why}", upstream)


def _seconds(retry_after: str | None, now: float) -> float | None:
    if retry_after is None:
        return None
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
        # A date without a zone is in UTC, as every HTTP date is.
        due = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(due - now, 0.0), LONGEST_WAIT)
