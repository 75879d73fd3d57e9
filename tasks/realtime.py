"""The way of a job that is sent by a sender's own session: an ask, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.backend.reply import NoAnswer
from bulkhead.engine.cabinet import Item
from bulkhead.engine.sessions import SenderId
from bulkhead.model.outcome import Outcome, Refused
from bulkhead.model.realtime_outcome import outcome_of, unconfirmed
from bulkhead.model.sender_session import REFUSE
from bulkhead.model.traffic import REALTIME, CallMade
from tasks import broadcast
from tasks.made import made
from tasks.way import MayGo, Trip
from worker.radio import Message, Radio


class BySession:
    """Messages that a sender's session sends, on whichever worker it is."""

    backend = False

    def __init__(self, trip: Trip, radio: Radio) -> None:
        """Looks where the session is, if the job is not to wait for one. Raises Unreachable."""
        self._trip = trip
        self._radio = radio
        self._who = SenderId(trip.part.app, trip.facts.sender)
        self._tries: dict[int, int] = {}
        self._missing = radio.missing(self._who) if trip.facts.no_session == REFUSE else ""

    def prepare(self, items: Sequence[Item]) -> Call | Refused:
        """The message of the one item there is."""
        if len(items) > 1:
            return Refused("UNSENDABLE", "a session sends each recipient a message of its own")
        item = items[0]
        if self._missing:
            return Refused("NO_SESSION", self._missing)
        call = broadcast.by_session(self._trip.facts, item)
        if isinstance(call, Call) and item.index in self._trip.begun.tries:
            self._tries[call.members["mid"]] = self._trip.begun.tries[item.index].count
        return call

    def send(self, call: Call, told: Callable[[Any], None], may_go: MayGo) -> Refused | None:
        """Ask whoever has the session to send it."""
        trip = self._trip
        about = {"job": trip.part.job, **call.members}
        patience, closes = trip.app.endpoint.read_timeout, trip.window.closes
        message = Message(self._who, about, closes, patience, trip.part.lease)
        self._radio.send(message, told, may_go)
        return None

    def judge(self, call: Call, reply: Any) -> Outcome | None:
        """What the session's answer means; None if the message was not handed to mesibo."""
        mid = call.members["mid"]
        if isinstance(reply, NoAnswer):
            return unconfirmed(reply.reason, mid)
        return outcome_of(reply, mid, self._tries.get(mid, 0))

    def made(self, call: Call, said: Outcome | None, reply: Any) -> CallMade:
        """The message, counted beside the calls to the backend."""
        del reply
        counted = made(call, said, None)
        return CallMade(REALTIME, counted.outcome, "", 0, 0)
