"""Sessions in the store: who wants one, which worker has it, and what is on its way to it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bulkhead.box import Box
from bulkhead.engine.script import Scripts, ask
from bulkhead.engine.session_tokens import SessionTokens
from bulkhead.engine.session_views import view_of, views_of, wanted_in
from bulkhead.engine.stream import LONGEST_BLOCK, block_for, newest
from bulkhead.model.sender_session import (
    HISTORY,
    LEASE,
    SEND,
    WANTED_FOR,
    Answer,
    Ask,
    SenderId,
    SessionView,
    State,
    Wanted,
)
from bulkhead.secrets import Secret

__all__ = [
    "HISTORY",
    "SEND",
    "Answer",
    "Ask",
    "SenderId",
    "SessionView",
    "Sessions",
    "State",
    "Wanted",
]

AT_ONCE = 100
"""Asks that are taken of a session, and answers that are read, in one go."""
KEPT = 3600
"""Seconds that answers wait for who asked."""
CONFIRM_FOR = 0.5
"""Seconds that a replica has to confirm a taking."""
MOST_EVENTS = 10_000


class Sessions:
    """Raises Unreachable; with tokens also CannotOpen, and ValueError where there is no box."""

    def __init__(self, scripts: Scripts, box: Box | None = None) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._tokens = SessionTokens(scripts, box) if box else None

    def want(self, who: SenderId, *, listen: float = 0.0) -> SessionView:
        """Have a worker keep the session for the next minute; its state now.

        For `listen` seconds from now its events are kept. An app that is not there wants nothing.
        """
        self._scripts.run("session", "want", *who, round(listen * 1e6))
        return self.view(who)

    def view(self, who: SenderId) -> SessionView:
        """The session as the store knows it now."""
        return view_of(self._scripts, who)

    def views(self, tenant: str = "", app: str = "") -> list[SessionView]:
        """Every session that was wanted within a day, or those of a tenant or an app."""
        return views_of(self._scripts, tenant, app)

    def position(self, who: SenderId) -> str:
        """The id of the newest event: what comes after it is news from now on."""
        return newest(self._redis, self._events(who))

    def events(self, who: SenderId, after: str, seconds: float) -> list[tuple[str, dict[str, Any]]]:
        """Events behind the one of this id, as (id, event); waits so long for the first."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            stream, block = {self._events(who): after}, block_for(left)
            found = ask(self._redis.xread, stream, count=AT_ONCE, block=block)
            if found or left <= LONGEST_BLOCK:
                return [
                    (name.decode(), json.loads(fields[b"event"]))
                    for _, entries in found
                    for name, fields in entries
                ]

    def request(
        self, who: SenderId, op: str, about: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any] | None:
        """What the session said to it, once it is online; None when the time is over."""
        caller = f"request-{secrets.token_hex(8)}"
        until = time.monotonic() + seconds
        ids: list[str] = []
        while (left := until - time.monotonic()) > 0:
            if not ids:
                ids = [secrets.token_hex(8)]
                self.ask([Ask(ids[0], who, op, about, worker=caller, left=round(left * 1e6))])
            self.want(who)
            for answer in self.answers(caller, left):
                if not answer.withheld:
                    return answer.said
                ids = []
        self.withdraw(who, ids)
        return None

    def ask(self, asks: Sequence[Ask]) -> None:
        """Put each before its session; a message that finds none online is withheld at once."""
        rows = [_row(one) for one in asks]
        if rows:
            self._scripts.run("asks", "ask", json.dumps(rows))

    def withdraw(self, who: SenderId, ids: Sequence[str]) -> list[str]:
        """Take asks back: those that nobody had taken, and nobody will."""
        if not ids:
            return []
        found = self._scripts.run("asks", "withdraw", _member(who), *ids)
        return [one.decode() for one in found]

    def answers(self, worker: str, seconds: float) -> list[Answer]:
        """Answers to what a worker asked; waits a second at most, or less, for the first."""
        name = self._scripts.key("asked", worker)
        block = max(0.001, min(seconds, LONGEST_BLOCK))
        found = ask(self._redis.blmpop, block, 1, name, direction="LEFT", count=AT_ONCE)
        return [
            Answer(one[0], worker, one[1]) for one in map(json.loads, found[1] if found else ())
        ]

    def wanted(self, cell: str) -> list[Wanted]:
        """The sessions of a cell that somebody needs, or some worker has; last needed first.

        What only apps or tenants at rest would need is left out.
        """
        now, *rows = self._scripts.run("session", "wanted", cell, round(WANTED_FOR * 1e6))
        return [wanted_in(row, float(now)) for row in rows]

    def acquire(self, who: SenderId, worker: str) -> bool:
        """Lease the session for ten seconds, unless another worker has it."""
        answer = self._scripts.run("session", "acquire", worker, *who, round(LEASE * 1e6))
        return bool(answer)

    def renew(self, worker: str, told: Mapping[SenderId, State]) -> list[SenderId]:
        """Keep these sessions for ten seconds more, and say how each is; those that are lost.

        Where one has come online, the jobs that wait for it may go on at once.
        """
        if not told:
            return []
        held = list(told)
        rows = json.dumps([_said(who, told[who]) for who in held])
        lost = self._scripts.run("session", "renew", worker, round(LEASE * 1e6), rows)
        return [held[number - 1] for number in lost]

    def release(self, who: SenderId, worker: str, state: State) -> None:
        """Let another worker have the session; messages that nobody has taken are withheld."""
        self._scripts.run("session", "release", worker, json.dumps(_said(who, state)))

    def cool(self, who: SenderId, seconds: float) -> None:
        """Grant this sender no message for so long: mesibo wants fewer."""
        self._scripts.run("session", "cool", *who, round(seconds * 1e6))

    def take(self, worker: str, held: Sequence[SenderId], seconds: float) -> list[Ask]:
        """Asks of sessions that the worker has, each given once; waits so long for the first.

        A second at most. What is too late by the store's clock is withheld, and not given; so are
        all where a replica should have the taking and has not: another would give them again.
        """
        if found := self._taken(worker, held):
            return found
        block = max(0.001, min(seconds, LONGEST_BLOCK))
        ask(self._redis.blpop, [self._scripts.key("asks", "bell", worker)], block)
        return self._taken(worker, held)

    def answer(self, answers: Iterable[Answer]) -> None:
        """Tell those who asked."""
        pipe = self._redis.pipeline(transaction=False)
        for one in answers:
            name = self._scripts.key("asked", one.worker)
            pipe.rpush(name, json.dumps([one.id, dict(one.said)]))
            pipe.expire(name, KEPT)
        ask(pipe.execute)

    def tell(self, who: SenderId, events: Sequence[Mapping[str, Any]]) -> None:
        """Keep events for whoever listens; nothing is kept where nobody does."""
        if events:
            written = [json.dumps(dict(event)) for event in events]
            self._scripts.run("session", "tell", *who, MOST_EVENTS, *written)

    def keep_token(self, who: SenderId, token: Secret) -> None:
        """Keep the sender's user token, sealed, in the place of the one before."""
        self._sealed().keep(who, token)

    def token(self, who: SenderId) -> Secret | None:
        """The sender's user token, if one is kept."""
        return self._sealed().get(who)

    def forget_token(self, who: SenderId) -> None:
        """The sender's user token is no longer good."""
        self._sealed().forget(who)

    def _taken(self, worker: str, held: Sequence[SenderId]) -> list[Ask]:
        if not held:
            return []
        # Before the question: however long the answer takes, none is sent later than it may be.
        asked_at = time.monotonic()
        rows = self._scripts.run("asks", "take", worker, AT_ONCE, *map(_member, held))
        asks = [_ask_in(held, row, asked_at) for row in rows]
        if not asks or ask(self._scripts.replicas.confirm, CONFIRM_FOR):
            return asks
        said = {"withheld": True, "state": "", "why": "no replica has confirmed that it was taken"}
        self.answer(Answer(one.id, one.worker, said) for one in asks)
        return []

    def _events(self, who: SenderId) -> str:
        return self._scripts.key("events", _member(who))

    def _sealed(self) -> SessionTokens:
        if self._tokens is None:
            raise ValueError("no box was handed in: tokens of senders cannot be sealed or opened")
        return self._tokens


def _member(who: SenderId) -> str:
    return f"{who.app} {who.sender}"


def _row(one: Ask) -> list[object]:
    about = json.dumps(dict(one.about), separators=(",", ":"))
    return [one.id, *one.who, one.op, one.not_after, one.left, one.worker, about, one.lease]


def _ask_in(held: Sequence[SenderId], row: Sequence[Any], asked_at: float) -> Ask:
    number, *told = row
    name, op, not_after, left, worker, about = (part.decode() for part in told)
    closes = asked_at + int(left) / 1e6 if int(not_after) else 0.0
    who = held[number - 1]
    return Ask(name, who, op, json.loads(about), int(not_after), worker, closes=closes)


def _said(who: SenderId, state: State) -> list[object]:
    again_at = round(state.again_at * 1e6)
    return [*who, state.state, state.why, state.job, again_at]
