"""Takes what sessions of this worker are asked, and hands it to their processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from structlog import get_logger

from bulkhead.engine.sessions import HISTORY, Answer, Ask, SenderId, Sessions
from bulkhead.errors import BulkheadError, Unreachable
from worker.live import FileOf, Live

BLOCKS = 1.0
"""Seconds for which it waits in the store in one go."""
REST = 0.25


class Pump(threading.Thread):
    """A thread of a worker, asleep while no session of it is online."""

    def __init__(
        self,
        sessions: Sessions,
        worker: str,
        lives: Mapping[SenderId, Live],
        file_of: FileOf,
        answer: Callable[[tuple[Answer, ...]], None],
    ) -> None:
        """`sessions` has a connection of its own; `lives` are those of this worker, as they are."""
        super().__init__(name="session-pump", daemon=True)
        self._sessions = sessions
        self._worker = worker
        self._lives = lives
        self._file_of = file_of
        self._answer = answer
        self._over = threading.Event()
        self._some = threading.Event()
        self._log = get_logger()

    def wake(self) -> None:
        """A session may be online by now."""
        self._some.set()

    def run(self) -> None:
        """Take until told to stop; a store that is away is waited for."""
        while not self._over.is_set():
            try:
                self._turn()
            except Unreachable:
                self._over.wait(REST)
            except Exception:
                self._log.exception("session_pump_failed")
                self._over.wait(REST)

    def finish(self) -> None:
        """Take no more."""
        self._over.set()
        self._some.set()
        self.join(timeout=BLOCKS + 1)

    def _turn(self) -> None:
        self._some.clear()
        lives = dict(self._lives)
        held = [who for who, live in lives.items() if live.course.online and not live.leaving]
        if not held:
            self._some.wait(BLOCKS)
            return
        for ask in self._sessions.take(self._worker, held, BLOCKS):
            live = lives[ask.who]
            answer = _handed(ask, partial(live.hand_over, ask, self._file_of))
            if answer is not None:
                self._answer((answer,))


def _handed(ask: Ask, hand_over: Callable[[], Answer | None]) -> Answer | None:
    """The answer at once, if there is one; whatever is raised, nothing was handed over."""
    try:
        return hand_over()
    except Unreachable:
        return Answer(ask.id, ask.worker, {"withheld": True})
    except BulkheadError as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
    except Exception:
        get_logger().exception("unexpected_error", app=ask.who.app)
        why = "an error of ours, see the worker's log"
    return Answer(ask.id, ask.worker, {"ended" if ask.op == HISTORY else "refused": why})
