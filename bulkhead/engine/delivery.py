"""Delivery in the store: events find the broadcast they are about, and its funnel is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bulkhead.engine.app_fields import INBOUND_BOX
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.record import clear_book
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.errors import InvalidInput
from bulkhead.inbound.event import Event, MessageStatus
from bulkhead.model.delivery import (
    LOW_WORD,
    RANKS,
    Attempts,
    Funnel,
    Reached,
    member_digest,
    recipient_digest,
)

KIND = "broadcast"


def told(event: Event) -> str:
    """What an event says of a message, as `inbound.lua` reads it; empty if nothing of use.

    Whether `to` or `from` is who got the message mesibo does not say: both are tried.
    """
    what = event.what
    if not isinstance(what, MessageStatus) or what.mid is None:
        return ""
    rank = RANKS.get(-1 if what.code is None else what.code)
    if rank is None:
        return ""
    people = [address for address in dict.fromkeys((what.to, what.sender)) if address]
    member = 0
    if what.gid:
        digests = [recipient_digest(f"gid:{what.gid}")]
        member = member_digest(people[0]) if people else 0
    else:
        digests = [recipient_digest(address) for address in people]
    if not digests:
        return ""
    return json.dumps([what.mid & LOW_WORD, digests, rank, member], separators=(",", ":"))


class Status(NamedTuple):
    """What a session has heard of a message; `rank` is one of RANKS."""

    mid: int
    to: str | int
    """The recipient's address, or the gid of a group."""
    member: str
    """The member of the group that it is about; empty if about no one in particular."""
    rank: int


def forget_mids(scripts: Scripts, app: str) -> None:
    """Forget which messages were whose, of an app that is removed. Raises Unreachable."""
    periods = ask(scripts.redis.hkeys, scripts.key("app", app, "mids"))
    for period in periods:
        clear_book(scripts, "app", app, "mids", period.decode())
    ask(scripts.redis.delete, scripts.key("app", app, "mids"))


class Deliveries:
    """How far broadcasts have come: told by sessions, and read. Raises NotFound, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._jobs = Jobs(scripts)

    def hear(self, app: str, heard: Sequence[Status]) -> int:
        """Count what was heard of messages; how many were a job's.

        A message that is known to be accepted makes an unknown item a succeeded one.
        """
        rows = [_status(*one) for one in heard]
        if not rows:
            return 0
        placed, _ = self._scripts.run("statuses", app, json.dumps(rows))
        return int(placed)

    def funnel(self, job: str) -> Funnel:
        """The funnel as of now. Raises InvalidInput for a job of another kind."""
        known = self._jobs.get(job)
        if known.kind != KIND or known.app is None:
            raise InvalidInput(
                f"{job} is no broadcast",
                why=f"it is a job of the kind {known.kind}",
                to_do="see `bulkhead jobs list` for the ids of your broadcasts",
            )
        key, pipe = self._scripts.key, self._scripts.redis.pipeline(transaction=False)
        pipe.hgetall(key("job", job, "delivered"))
        pipe.hget(key("job", job), "refused")
        pipe.hexists(key("app", known.app), INBOUND_BOX)
        pipe.hexists(key("app", known.app, "inbound", "counts"), "statuses")
        pipe.hexists(key("job", job), "sender")
        counted, refused, webhook, heard, realtime = ask(pipe.execute)
        numbers = decoded(counted)
        return Funnel(
            job=job,
            app=known.app,
            state=known.state.value,
            attempts=Attempts.of(known.counts, int(refused or 0)),
            recipients=_reached(numbers, ""),
            members=_reached(numbers, "members|"),
            beyond=int(numbers.get("beyond", 0)),
            webhook=bool(webhook),
            heard=bool(heard),
            realtime=bool(realtime),
        )


def _status(mid: int, to: str | int, member: str, rank: int) -> list[int]:
    recipient = recipient_digest(f"gid:{to}" if isinstance(to, int) else to)
    return [mid & LOW_WORD, recipient, rank, member_digest(member) if member else 0]


def _reached(numbers: Mapping[str, str], prefix: str) -> Reached:
    def number(stage: str) -> int:
        return int(numbers.get(prefix + stage, 0))

    return Reached(number("sent"), number("lost"), number("delivered"), number("read"))
