"""Ends the session's process where it hangs, and where whoever started it is gone."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import select
import signal
import sys
import time
from threading import Thread

from bulkhead.realtime.exits import HUNG, ORPHAN
from bulkhead.realtime.mouth import Mouth


def end_with(life: int) -> None:
    """End this process as soon as the other end of this pipe is closed, whatever it is doing.

    The kernel does it: native code that never gives Python's lock back cannot prevent it.
    """
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    # It may have been closed before the kernel was asked to tell.
    if select.select([life], [], [], 0)[0]:
        os._exit(ORPHAN)


class Watch:
    """Ends the process when one call of the package takes longer than `patience` seconds."""

    def __init__(self, patience: float, mouth: Mouth) -> None:
        self._patience = patience
        self._mouth = mouth
        self._since: float | None = None
        Thread(target=self._look, name="watch", daemon=True).start()

    def begin(self) -> None:
        """A call is made."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It came back."""
        self._since = None

    def _look(self) -> None:
        while True:
            # A native thread of its own does this one: it needs no lock of Python's.
            faulthandler.dump_traceback_later(self._patience * 1.5, exit=True, file=sys.stderr)
            since = self._since
            if since is not None and time.monotonic() - since > self._patience:
                self._mouth.tell("fatal", why="hung")
                self._mouth.leave(HUNG)
            time.sleep(min(self._patience / 4, 5.0))
