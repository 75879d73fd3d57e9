"""A session: one sender of an app, signed in to the real-time API by one worker at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from bulkhead.errors import InvalidInput
from bulkhead.model.job import rfc3339

WANTED, SIGNING_IN, CONNECTING, ONLINE = "wanted", "signing_in", "connecting", "online"
OFFLINE, FAILED, UNUSABLE, CLOSED = "offline", "failed", "unusable", "closed"
STATES = (WANTED, SIGNING_IN, CONNECTING, ONLINE, OFFLINE, FAILED, UNUSABLE, CLOSED)
"""`closed`: nobody needs it, and no worker has it."""

LEASE = 10.0
"""Seconds for which a worker has a session after its last word about it."""
WANTED_FOR = 60.0
"""Seconds for which a session is wanted after somebody asked for it."""
SEND, HISTORY = "send", "history"

WAIT, REFUSE = "wait", "refuse"
NO_SESSION = (WAIT, REFUSE)
"""What a job may have done about its items while its sender cannot be signed in."""

NOT_TAKEN = "no worker has taken it yet"


class SenderId(NamedTuple):
    """An app, and the address of one of its users in whose name is sent."""

    app: str
    sender: str

    @property
    def tenant(self) -> str:
        """Whose app it is."""
        return self.app.partition("/")[0]

    @property
    def named(self) -> dict[str, str]:
        """What a line of the log says of it."""
        return {"tenant": self.tenant, "app": self.app, "sender": self.sender}


@dataclass(frozen=True, slots=True)
class State:
    """What its keeper says of a session: one of STATES, and why where that is not plain."""

    state: str
    why: str = ""
    job: str = ""
    """The job that signs it in, while one does."""
    again_at: float = 0.0
    """Unix seconds at which it is tried again; 0 if nobody knows, or it need not be."""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"{self.state!r} is no state of a session")


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as the store knows it now. Instants are Unix seconds; None: not known, or none."""

    who: SenderId
    state: str
    why: str = ""
    worker: str = ""
    """Who has it; empty if nobody does."""
    since: float | None = None
    """When it came into this state."""
    held_since: float | None = None
    wanted_at: float | None = None
    """When it was last needed."""
    job: str = ""
    again_at: float | None = None
    cooling_until: float | None = None
    """While mesibo wants fewer messages from this sender."""
    next_at: float | None = None
    """When the sender's own pace allows its next message."""
    listening: bool = False
    asked: int = 0
    """Messages that were on their way to it since the store knows it."""
    queued: int = 0
    """Of them, those that wait to be taken now."""

    @property
    def online(self) -> bool:
        """True if messages go out now."""
        return self.state == ONLINE

    def opens(self, policy: str) -> bool:
        """True if a job is granted messages, to be sent or, as its policy may be, refused."""
        if self.cooling_until is not None:
            return False
        return self.online or (policy == REFUSE and self.state in (FAILED, UNUSABLE))

    def to_dict(self) -> dict[str, Any]:
        """The session as JSON shows it."""
        told = asdict(self)
        told.pop("who")
        for name in ("since", "held_since", "wanted_at", "again_at", "cooling_until", "next_at"):
            told[name] = rfc3339(told[name] * 1e6) if told[name] is not None else None
        for name in ("why", "worker", "job"):
            told[name] = told[name] or None
        return {"app": self.who.app, "sender": self.who.sender, **told}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A session that somebody needs, or that a worker has: what decides who keeps it."""

    who: SenderId
    state: str
    """As its last keeper said it, with or without a living keeper now."""
    worker: str
    """Who has it; empty if nobody does."""
    idle: float
    """Seconds since it was last needed."""
    held: float
    """Seconds for which its worker has had it; 0 if nobody has."""
    listening: bool
    why: str = ""
    again_at: float = 0.0
    """Unix seconds."""

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.who.tenant


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that a session is to do, on its way there; `about` is said in docs/engine.md."""

    id: str
    who: SenderId
    op: str
    about: Mapping[str, Any]
    not_after: int = 0
    """Microseconds of the store's clock from which on nobody takes it; 0: no such end."""
    worker: str = ""
    """Who hears the answer."""
    left: int = 0
    """Microseconds from the asking on, in place of `not_after`: for who knows only those."""
    lease: str = ""
    """The slice of whose items it is: nobody takes it later than the slice may call, or without."""
    closes: float = 0.0
    """Of what was taken: monotonic seconds of its taker from which on nobody sends it; 0: none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a session said to an ask.

    `said` is one of `{"withheld": true, "state": …, "why": …}` (nobody sent it), `{"status": n}`,
    `{"result": n}`, `{"ended": why}`, `{"history": […]}`.
    """

    id: str
    worker: str
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def withheld(self) -> bool:
        """True if it was certainly not sent."""
        return bool(self.said.get("withheld"))


def refuse_no_session(sender: str, policy: str) -> None:
    """Raises InvalidInput for a word that is none of ours, or without a sender to sign in."""
    if policy and policy not in NO_SESSION:
        raise InvalidInput(
            f"{policy!r} is not what can be done without a session",
            why=f"it must be one of {', '.join(NO_SESSION)}",
            to_do="leave it away to have the rows wait; nothing was sent",
        )
    if policy and not sender:
        raise InvalidInput(
            "without a real-time sender there is no session to wait for",
            why="the backend sends this job's messages",
            to_do="send it through the real-time API, or leave this away; nothing was sent",
        )
