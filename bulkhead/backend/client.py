"""One call to a backend, from the members of its body to what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from bulkhead.backend import envelope
from bulkhead.backend.call import Call
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.judge import Read, judge
from bulkhead.backend.shown import with_answer
from bulkhead.backend.transport import Answer, Transport
from bulkhead.backend.words import Words
from bulkhead.model.outcome import Done, Outcome, Refused, Upstream
from bulkhead.secrets import Secret


class Backend:
    """Makes calls, from any number of threads; `clock` gives Unix seconds."""

    def __init__(
        self, transport: Transport, words: Words, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = transport
        self._words = words
        self._clock = clock

    def call(self, endpoint: Endpoint, token: Secret, call: Call) -> Outcome:
        """Make the call once and say what became of it; the token is in no part of the outcome."""
        try:
            body = envelope.body(call, token)
        except (TypeError, ValueError, RecursionError):
            message = "the body holds something that JSON or UTF-8 cannot carry"
            return Refused("UNSENDABLE", message, Upstream(call.op))
        if endpoint.edition == "onprem" and len(body) > envelope.ONPREM_BODY_LIMIT:
            message = (
                f"the body has {len(body):,} bytes and may have {envelope.ONPREM_BODY_LIMIT:,}"
            )
            return Refused("BODY_TOO_LARGE", message, Upstream(call.op))

        reply = self._transport.post(endpoint, body)
        if isinstance(reply, Answer):
            read = Read(reply, envelope.read(reply, token))
            outcome = judge(call, read, self._words, self._clock())
            if call.shows and isinstance(outcome, Done):
                return with_answer(outcome, reply, token)
            return outcome
        return judge(call, reply, self._words, self._clock())

    def take_traffic(self) -> tuple[int, int]:
        """Bytes of HTTP sent and received by this thread's calls since it was last asked."""
        return self._transport.take_traffic()
