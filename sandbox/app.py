"""One mesibo application: its users, the addresses that called it, its pace."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import count
from random import Random
from sys import intern
from typing import Any, Protocol

from sandbox.fields import Fields, InvalidField
from sandbox.group import Group
from sandbox.push_book import PushBook
from sandbox.receipt import Message, Outbox, Receipts, Step, read_receipts
from sandbox.webhook import Make, Posting, Webhook, read_webhook

MOST_PEERS = 5  # mesibo disables an app whose backend API is used from more addresses than this
FIRST_UID = 90_001
FIRST_GID = 404_101
FIRST_MID = 5_550_001
TESTS_A_MINUTE = 6  # invented: mesibo says that there is a limit, not which
SHORTEST_SHOWN = 8  # characters; of a shorter secret not even the end is shown


class Edition(StrEnum):
    """Where the app's backend API runs; CLOUD_FOR_ONPREM is mesibo's cloud for a hosted app."""

    CLOUD = "cloud"
    ONPREM = "onprem"
    CLOUD_FOR_ONPREM = "cloud-for-onprem"


@dataclass(frozen=True, slots=True)
class Registration:
    """An app token the sandbox knows; `rate` is requests a second, None for no limit.

    A push with a credential whose sha256 is in `bad_push` does not arrive. With `any_sender` a
    message may come from somebody who is no user. `partial_members`: see App.
    """

    token: str
    edition: Edition = Edition.CLOUD
    rate: float | None = None
    tests_a_minute: int = TESTS_A_MINUTE
    webhook: Webhook | None = None
    bad_push: frozenset[str] = frozenset()
    any_sender: bool = False
    receipts: Receipts | None = None
    partial_members: bool = False

    def __repr__(self) -> str:
        return f"Registration({masked(self.token)!r}, {self.edition.value}, rate={self.rate})"


@dataclass(slots=True)
class User:
    """A user of one app; `tokens` holds one access token an app id, the id empty for v2."""

    uid: int
    name: str | None = None
    active: bool = True
    flags: int = 0
    tokens: dict[str, str] | None = None


class Bucket:
    """Lets `rate` requests a second through, and one second's worth of them at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._level = self._most
        self._at = 0.0

    def take(self, now: float) -> float:
        """Take one, or nothing at all; returns the seconds to wait, 0 if taken."""
        if self._at:
            self._level = min(self._most, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate


class Teller(Protocol):
    """Posts to a webhook, at once or later."""

    def post(self, webhook: Webhook, document: dict[str, Any], tally: Counter[str]) -> None:
        """Post a document, and keep the counts of that."""

    def later(self, due: float, make: Make) -> None:
        """Post at that instant of the monotonic clock what is made then."""


class App:
    """The state of one app token, in memory and gone at reset."""

    def __init__(self, registration: Registration, seed: int, aid: int, teller: Teller) -> None:
        self.registration = registration
        self.push = PushBook()
        self._aid = aid
        self._teller = teller
        self._seed = f"{seed}:{registration.token}"
        self.bucket = Bucket(registration.rate) if registration.rate else None
        self.users: dict[str, User] = {}
        self.groups: dict[int, Group] = {}
        self.messages: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        # Who passes messages of the backend on to those who are signed in at the real-time side.
        self.radio: Callable[[Message, list[str], str], None] | None = None
        self.hear_of_messages(registration.receipts)
        # Whether a list of members with a stranger in it is carried out but for the stranger.
        self.partial_members = registration.partial_members
        self._addresses: list[str] = []
        self._peers: set[str] = set()
        self._breached = False
        self._next = {"gid": FIRST_GID, "mid": FIRST_MID}
        # On many threads: a count of its own is never given twice.
        self._events = count(1)
        self.random = Random(self._seed)  # noqa: S311 - made to be replayed

    def admits(self, peer: str) -> bool:
        """False from the sixth distinct peer address on, and then for every peer."""
        if peer not in self._peers:
            if len(self._peers) >= MOST_PEERS:
                self._breached = True
            else:
                self._peers.add(peer)
        return not self._breached

    def provide(self, address: str) -> User:
        """The user of that address, made if there is none."""
        user = self.users.get(address)
        if user is None:
            # Groups keep the same text, so that a member costs no second copy of it.
            address = intern(address)
            user = self.users[address] = User(FIRST_UID + len(self._addresses))
            self._addresses.append(address)
        return user

    def address_of(self, uid: int) -> str | None:
        """The address that uid was given to, if it still stands for a user."""
        index = uid - FIRST_UID
        if not 0 <= index < len(self._addresses):
            return None
        address = self._addresses[index]
        user = self.users.get(address)
        return address if user is not None and user.uid == uid else None

    def count_up(self, name: str) -> int:
        """The next `gid` or `mid`."""
        self._next[name] += 1
        return self._next[name] - 1

    def tell(self, event: dict[str, Any], t: float) -> None:
        """Have an event posted to the app's webhook, if it has one."""
        webhook = self.registration.webhook
        if webhook is not None:
            document = self._document(webhook, [event], t)
            self._teller.post(webhook, document, self.push.webhook)

    def tell_at(self, webhook: Webhook | None) -> None:
        """From now on tell everything there; the app's state stays."""
        self.registration = replace(self.registration, webhook=webhook)

    def hear_of_messages(self, receipts: Receipts | None) -> None:
        """From now on tell what becomes of messages so, or not at all; what waited is forgotten."""
        self._outbox = Outbox(receipts, f"{self._seed}:receipts") if receipts else None

    @property
    def receipts(self) -> Receipts | None:
        """How it is told what becomes of messages."""
        return None if self._outbox is None else self._outbox.receipts

    @property
    def waiting(self) -> int:
        """How many events about messages are still to be posted."""
        return 0 if self._outbox is None else len(self._outbox)

    @property
    def reached(self) -> dict[str, dict[str, int]]:
        """How many were told to be in each state: recipients, and the members of groups."""
        outbox = self._outbox
        return {} if outbox is None else {name: dict(n) for name, n in outbox.reached.items()}

    def tell_of(self, message: Message, people: Iterable[tuple[str, bool]]) -> None:
        """Have the app's webhook told what becomes of a message to these, as far as they exist."""
        webhook = self.registration.webhook
        if webhook is not None and not webhook.silent:
            self.course_of(message, people)

    def course_of(self, message: Message, people: Iterable[tuple[str, bool]]) -> list[Step] | None:
        """What becomes of it, as the app's webhook is told too; None if nobody chose that."""
        outbox, webhook = self._outbox, self.registration.webhook
        if outbox is None:
            return None
        steps = outbox.draw(message, people)
        if webhook is not None and not webhook.silent:
            self._plan(outbox, webhook, outbox.plan(message, steps, time.monotonic()))
            self.told["dropped"] += outbox.dropped
            outbox.dropped = 0
        return steps

    def _plan(self, outbox: Outbox, webhook: Webhook, due: float | None) -> None:
        if due is not None:
            self._teller.later(due, partial(self._delivery, outbox, webhook))

    def _delivery(self, outbox: Outbox, webhook: Webhook) -> Posting | None:
        """The next delivery of events; on a thread of the one who posts."""
        events, due = outbox.take(time.monotonic())
        # What was put aside by another choice of receipts is not told any more.
        if outbox is not self._outbox:
            return None
        self._plan(outbox, webhook, due)
        if not events:
            return None
        return Posting(webhook, self._document(webhook, events, time.time()), self.told)

    def _document(self, webhook: Webhook, events: list[dict[str, Any]], t: float) -> dict[str, Any]:
        return {
            "server": "mesibo",
            "id": next(self._events),
            "v": webhook.v,
            "aid": self._aid,
            "ts": round(t * 1000),
            "events": events,
        }

    def mint(self) -> str:
        """A new user access token; the same ones in the same order for the same seed."""
        return f"{self.random.getrandbits(256):064x}"


def read_registrations(document: object) -> list[Registration]:
    """The registrations in a JSON object or list of them; raises InvalidField."""
    entries = document if isinstance(document, list) else [document]
    return [_registration(Fields(entry, f"apps[{at}]")) for at, entry in enumerate(entries)]


def _registration(fields: Fields) -> Registration:
    token = fields.text("token")
    if token is None:
        raise fields.wrong("token", "the app token")
    tests_a_minute = fields.whole("tests_a_minute", 0, 1_000_000)
    registration = Registration(
        token=token,
        edition=_edition(fields),
        rate=fields.number("rate", 0.001, 1_000_000),
        tests_a_minute=TESTS_A_MINUTE if tests_a_minute is None else tests_a_minute,
        webhook=read_webhook(fields.inner("webhook")),
        bad_push=frozenset(fields.texts("bad_push")),
        any_sender=fields.flag("any_sender") or False,
        receipts=read_receipts(fields.inner("receipts")),
        partial_members=bool(fields.flag("partial_members")),
    )
    fields.finish()
    return registration


def _edition(fields: Fields) -> Edition:
    try:
        return Edition(fields.text("edition") or Edition.CLOUD)
    except ValueError:
        choices = " | ".join(Edition)
        raise InvalidField(str(fields.wrong("edition", choices))) from None


def masked(token: str) -> str:
    """What may be shown of a secret: its last four characters."""
    return f"…{token[-4:]}" if len(token) >= SHORTEST_SHOWN else "…"
