"""One call to a backend: its body before it is made, and what became of it after."""

from __future__ import annotations

import time
from collections.abc import Callable

from bulkhead.backend import envelope
from bulkhead.backend.call import Call
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.form import Body
from bulkhead.backend.judge import Read, judge
from bulkhead.backend.reply import Answer, Reply
from bulkhead.backend.shown import with_answer
from bulkhead.backend.words import Words
from bulkhead.model.outcome import Done, Outcome, Refused, Upstream
from bulkhead.secrets import Secret


class Backend:
    """Writes calls and judges their replies, in any thread; `clock` gives Unix seconds."""

    def __init__(self, words: Words, clock: Callable[[], float] = time.time) -> None:
        self._words = words
        self._clock = clock

    def body(self, endpoint: Endpoint, token: Secret, call: Call) -> Body | Refused:
        """What is sent, or why nothing may be; the token is in no part of a refusal."""
        try:
            body = envelope.body(call, token)
        except (TypeError, ValueError, RecursionError):
            message = "the body holds something that JSON or UTF-8 cannot carry"
            return Refused("UNSENDABLE", message, Upstream(call.op))
        if endpoint.edition == "onprem" and len(body) > envelope.ONPREM_BODY_LIMIT:
            return Refused("BODY_TOO_LARGE", _too_large(call, len(body)), Upstream(call.op))
        return body

    def judge(self, call: Call, token: Secret, reply: Reply) -> Outcome:
        """What became of the call; the token is in no part of the outcome."""
        if not isinstance(reply, Answer):
            return judge(call, reply, self._words, self._clock())
        reading = envelope.read(reply, token)
        if call.upload is not None and isinstance(reading, envelope.Declined):
            reading = envelope.Declined(call.upload.content.scrub(reading.word))
        outcome = judge(call, Read(reply, reading), self._words, self._clock())
        if call.shows and isinstance(outcome, Done):
            return with_answer(outcome, reply, token)
        return outcome


def _too_large(call: Call, size: int) -> str:
    said = f"the body has {size:,} bytes and may have {envelope.ONPREM_BODY_LIMIT:,}"
    if call.upload is None:
        return said
    return (
        f"{said}: a .p12 may exceed what an on-premise web server lets through; export it "
        "without the chain of its authorities, or raise the server's limit (nginx: "
        "client_max_body_size)"
    )
