"""The only wiring: what a worker process is made of, put together once."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from secrets import token_hex

from bulkhead.backend.caller import Caller
from bulkhead.backend.client import Backend
from bulkhead.backend.words import Words
from bulkhead.engine.cabinet import Cabinet
from bulkhead.engine.connect import connect, open_client
from bulkhead.engine.delay import StartDelay
from bulkhead.engine.keys import Keys
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import Sessions
from bulkhead.engine.tokens import sealing
from bulkhead.engine.verbs import Verbs
from bulkhead.engine.wordbook import WordBook
from bulkhead.settings import Settings
from bulkhead.site import Site
from worker.courier import Courier
from worker.hearing import Hearing
from worker.lanes import Lanes
from worker.radio import Radio
from worker.slots import Slots
from worker.stopping import Stopping

CALLS = 64
"""Calls at once in one process; why stands in docs/decisions/0023-the-caller.md."""

STOCK_CALLS = 24
"""The same where every call has a thread (docs/decisions/0012-calls-at-once.md)."""

PARCELS = CALLS
"""Parcels in hand in one process, each with a call or more: the size of Celery's thread pool."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One worker process."""

    site: Site
    verbs: Verbs
    cabinet: Cabinet
    backend: Backend
    courier: Courier
    calls: int
    slots: Slots
    stopping: Stopping
    delay: StartDelay
    begins: StartDelay
    """How long a begin takes by itself."""
    words: Words
    wordbook: WordBook
    hearing: Hearing
    radio: Radio
    """The way to sessions, on whichever worker they are."""

    @property
    def queue(self) -> str:
        """The queue that only this process consumes."""
        return queue_of(self.verbs.worker)


def queue_of(worker: str) -> str:
    """The name of a worker's own queue."""
    return f"bulkhead.slices.{worker}"


def build(settings: Settings) -> Runtime:
    """A runtime for these settings. Raises Unreachable, or NotPermitted for a wrong key."""
    site = Site.of(settings)
    scripts = Scripts(connect(site.store_url))
    box = site.box
    Keys(scripts).agree(box.key_ids)
    words, wordbook = Words(), WordBook(scripts)
    # Before the first call, so that none is judged by what the operator has corrected.
    words.learn(wordbook.said())
    lean = settings.http == "lean"
    calls = CALLS if lean else STOCK_CALLS
    caller = Caller()
    # A connection of its own: whoever waits for an answer holds up nobody else.
    listening = Sessions(Scripts(open_client(site.store_url)))
    name = f"{socket.gethostname()}-{os.getpid()}-{token_hex(2)}"
    return Runtime(
        site=site,
        verbs=Verbs(scripts, name, cell=settings.cell, egress=settings.egress, seal=sealing(box)),
        cabinet=Cabinet(scripts, box),
        backend=Backend(words),
        courier=Courier(caller, Lanes(calls), lean=lean),
        calls=calls,
        slots=Slots(calls, PARCELS),
        stopping=Stopping(),
        delay=StartDelay(),
        begins=StartDelay(),
        words=words,
        wordbook=wordbook,
        hearing=Hearing(),
        radio=Radio(Sessions(scripts), listening, name, caller),
    )


_current: list[Runtime] = []


def install(runtime: Runtime) -> None:
    """Make this the runtime that the tasks of this process use."""
    _current[:] = [runtime]


def current() -> Runtime:
    """The runtime of this worker process."""
    return _current[0]
