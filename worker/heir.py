"""Takes over what dead workers had in hand: messages of the front door, and notices."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue

from structlog import get_logger

from bulkhead.engine.front import Front
from bulkhead.engine.notices import Notices
from bulkhead.engine.overview import Overview


class Heir:
    """Told of the dead by the pulse, or looks for them; taking over twice is harmless."""

    def __init__(self, front: Front, notices: Notices, overview: Overview) -> None:
        self._front = front
        self._notices = notices
        self._overview = overview
        self._dead: SimpleQueue[str] = SimpleQueue()
        self._log = get_logger()

    def told(self, dead: Sequence[str]) -> None:
        """Remember dead workers; returns at once, from any thread."""
        for name in dead:
            self._dead.put(name)

    def adopt(self) -> None:
        """Take over what those had that we were told of. Raises Unreachable: none is forgotten."""
        while True:
            try:
                name = self._dead.get_nowait()
            except Empty:
                return
            try:
                self._take_over(name)
            except BaseException:
                self._dead.put(name)
                raise

    def look(self) -> None:
        """Take over from all whose death nobody told us of. Raises Unreachable."""
        living = {worker.worker for worker in self._overview.workers() if worker.live}
        for name in self._front.others():
            if name not in living:
                self._take_over(name)

    def _take_over(self, name: str) -> None:
        # The front last: with it goes the name by which the rest could be found.
        notices = self._notices.adopt(name)
        messages = self._front.adopt(name)
        if notices or messages:
            self._log.info("door_inherited", worker=name, messages=messages, notices=notices)
