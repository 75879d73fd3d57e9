"""Which key the store's app tokens are sealed with, and the hand-over to the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bulkhead.box import Box, key_id_of
from bulkhead.engine.app_fields import INBOUND_BODY_BOX, INBOUND_BOX, SENDERS
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import BulkheadError, Conflict, NotPermitted

BOXES = ("token_box", "next_token_box", "previous_token_box")
"""Fields of an app that hold a sealed token."""
_SEALED = (*BOXES, INBOUND_BOX, INBOUND_BODY_BOX)
CREDENTIAL_BOX = "box"
"""The field of a stored credential that holds its file."""

PASSES = 5
"""Looks for boxes that somebody sealed with the earlier key in the meantime."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What `reseal` did: the key's id now, and how many secrets were sealed anew."""

    key: str
    before: str
    tokens: int
    inbound: int = 0
    """Secrets of inbound webhooks."""
    credentials: int = 0
    """Files of push credentials."""
    senders: int = 0
    """User tokens of real-time senders."""


class Keys:
    """Raises NotPermitted, Conflict, CannotOpen, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._name = scripts.key("key-id")
        self._retired = scripts.key("key-id", "retired")

    def agree(self, ours: Sequence[str]) -> str:
        """The key that tokens are sealed with; the first to come names its own current one.

        `ours` are the ids of the keys here, the current one first. Raises NotPermitted: a host
        that cannot open the tokens would stop every app for a reason that is none of theirs.
        """
        ask(self._redis.set, self._name, ours[0], nx=True)
        known = str(ask(self._redis.get, self._name).decode())
        if known in ours:
            return known
        retired = {key.decode() for key in ask(self._redis.smembers, self._retired)}
        raise _refusal(known, ours[0], old=ours[0] in retired)

    def reseal(self, box: Box) -> Resealed:
        """Seal all that is sealed with the box's current key; a second time does nothing.

        Raises Conflict while a worker lives that does not have that key.
        """
        before = self.agree(box.key_ids)
        self._refuse_without(box.key_id)
        if before != box.key_id:
            # First the name, so that whoever seals from now on uses the new key.
            ask(self._redis.sadd, self._retired, before)
            ask(self._redis.srem, self._retired, box.key_id)
            ask(self._redis.set, self._name, box.key_id)
        sealed: Counter[str] = Counter()
        for _ in range(PASSES):
            again = self._reseal_once(box)
            sealed += again
            if not again.total():
                break
        tokens = sum(sealed[field] for field in BOXES)
        inbound = sealed[INBOUND_BOX] + sealed[INBOUND_BODY_BOX]
        more = (inbound, sealed[CREDENTIAL_BOX], sealed[SENDERS])
        return Resealed(box.key_id, before, tokens, *more)

    def _reseal_once(self, box: Box) -> Counter[str]:
        apps = self._members("apps")
        pipe = self._redis.pipeline(transaction=False)
        for app in apps:
            pipe.hmget(self._scripts.key("app", app), *_SEALED)
        counts: Counter[str] = Counter()
        for app, boxes in zip(apps, ask(pipe.execute), strict=True):
            for field, sealed in zip(_SEALED, boxes, strict=True):
                counts[field] += self._queue(pipe, box, ("app", app, field), sealed)
        ask(pipe.execute)
        counts[SENDERS] += self._reseal_senders(box, apps)
        # One by one: a file may have a megabyte.
        for name in self._members("credentials"):
            place = ("credential", name, CREDENTIAL_BOX)
            sealed = ask(self._redis.hget, self._scripts.key("credential", name), CREDENTIAL_BOX)
            if sealed is None:
                ask(self._redis.srem, self._scripts.key("credentials"), name)
            counts[CREDENTIAL_BOX] += self._queue(pipe, box, place, sealed)
            ask(pipe.execute)
        return counts

    def _reseal_senders(self, box: Box, apps: Sequence[str]) -> int:
        pipe = self._redis.pipeline(transaction=False)
        for app in apps:
            pipe.hgetall(self._scripts.key("app", app, SENDERS))
        count = 0
        for app, boxes in zip(apps, ask(pipe.execute), strict=True):
            for sender, sealed in boxes.items():
                count += self._queue(pipe, box, (SENDERS, app, sender.decode()), sealed)
        ask(pipe.execute)
        return count

    def _queue(self, pipe: Any, box: Box, place: tuple[str, str, str], sealed: Any) -> bool:
        """Have the pipe put a new box in the place of one that another key has sealed."""
        if not sealed or key_id_of(sealed.decode()) == box.key_id:
            return False
        kind, name, field = place
        text, bound = sealed.decode(), _bound(place)
        new = box.seal(box.open(text, bound), bound)
        self._scripts.queue(pipe, "reseal", kind, name, field, text, new)
        return True

    def _members(self, name: str) -> list[str]:
        return [one.decode() for one in ask(self._redis.smembers, self._scripts.key(name))]

    def _refuse_without(self, key: str) -> None:
        seconds, micros = ask(self._redis.time)
        now = seconds * 1_000_000 + micros
        live = ask(self._redis.zrangebyscore, self._scripts.key("worker"), f"({now}", "+inf")
        without = []
        for name in live:
            facts = self._scripts.key("worker", name.decode())
            keys = (ask(self._redis.hget, facts, "keys") or b"").decode().split(",")
            if key not in keys:
                without.append(name.decode())
        if without:
            raise Conflict(
                f"{len(without)} workers do not have the new key",
                why=f"{', '.join(without[:3])} could open no token any more",
                to_do="give them the new key, with the old one in BULKHEAD_SECRET_KEY_OLD, "
                "and start them again",
            )


def about(field: str, app: str) -> str:
    """What the box in an app's field is about: one kind of secret never opens as another."""
    return app if field in BOXES else f"{app} {field}"


def about_file(credential: str) -> str:
    """What the box of a stored credential is about: its own id, so that no two are exchanged."""
    return f"credential {credential}"


def about_sender(app: str, sender: str) -> str:
    """What the box with a sender's user token is about."""
    return f"{app} sender {sender}"


def _bound(place: tuple[str, str, str]) -> str:
    kind, name, field = place
    if kind == SENDERS:
        return about_sender(name, field)
    return about(field, name) if kind == "app" else about_file(name)


def _refusal(known: str, ours: str, *, old: bool) -> BulkheadError:
    if old:
        return NotPermitted(
            "this host still has the old secret key",
            why=f"app tokens are sealed with key {known} now, and the key here is {ours}",
            to_do="set BULKHEAD_SECRET_KEY or …_FILE to the new key, then start again",
        )
    return NotPermitted(
        "this host has another secret key than the store's app tokens",
        why=f"they are sealed with key {known}, and the key here is {ours}",
        to_do="give every host the same BULKHEAD_SECRET_KEY or …_FILE",
    )
