"""How native code behaves: it writes past Python, and a mistake ends the process."""

from __future__ import annotations

import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def say(words: str) -> None:
    """Write a line to descriptor 1, where replacing `sys.stdout` does not catch it."""
    now = datetime.now(UTC)
    stamp = f"E{now:%d%m-%H%M%S}-{now.microsecond // 1000:03d}({threading.get_native_id()})"
    write(f"{stamp}: {words}\n")


def write(text: str) -> None:
    """Write to descriptor 1 as it stands; that nobody reads it any more is no error."""
    try:
        os.write(1, text.encode("utf-8", "replace"))
    except OSError:
        return


def crash() -> None:
    """Die of a segmentation fault, as native code does of a pointer to nothing."""
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)
    while True:
        # The signal may reach another thread first.
        time.sleep(1)


class Listeners:
    """Holds the listener that was added last as native code does: without keeping it alive."""

    def __init__(self, base: type) -> None:
        self.base = base
        self._last: Callable[[], Any] = lambda: None
        self.added = False

    def add(self, listener: object) -> None:
        """From now on call this one and no other."""
        self._last = weakref.ref(listener)
        self.added = True

    @property
    def alive(self) -> bool:
        """Whether there is one to call."""
        return self._last() is not None

    def call(self, name: str, argument: object) -> None:
        """Call one of its methods; anything but an int in return ends the process."""
        listener = self._last()
        if listener is None:
            crash()
        if getattr(type(listener), name) is getattr(self.base, name):
            write("terminate called: pure virtual method\n")
            os.abort()
        try:
            result = getattr(listener, name)(argument)
        except BaseException as error:
            # Whatever it is, C++ knows nothing to do about it.
            write(f"terminate called after {type(error).__name__}\n")
            os.abort()
        if not isinstance(result, int):
            write("terminate called: bad return value\n")
            os.abort()
