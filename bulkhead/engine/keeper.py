"""Keep a store server running for as long as its owner lives, and not longer.

Started by file, with the standard library alone, as a process of its own:
`keeper.py OWNER_PIPE LOCK COMMAND…`. The owner holds the other end of the pipe and never
writes: the end of the owner, even by SIGKILL, is the end of the pipe. Both descriptors are
numbers of open files; the server inherits the lock, so the lock is free only when nobody can
write to the data any more.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

FIRST_LIFE = 1.0
"""Seconds; a first server that ends sooner will not do better the second time."""
PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds before each new try; the last goes on for ever: a full disk may be emptied."""
PATIENCE = 20.0
"""Seconds a server has to end by itself. With every write synced, killing it loses nothing."""

_SET_PARENT_DEATH_SIGNAL = 1


class Keeper:
    """Starts the server again when it dies, and ends it with the owner."""

    def __init__(self, owner: int, lock: int, command: list[str]) -> None:
        self._owner = owner
        self._lock = lock
        self._command = command
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._child_ended, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._told_to_end = False
        signal.signal(signal.SIGTERM, self._be_told)

    def run(self) -> int:
        """Returns the server's exit code, or 0 when the owner ended first."""
        failures = 0
        while True:
            born = time.monotonic()
            server = self._start()
            if not self._wait_for_its_end(server):
                self._end(server)
                return 0
            lived = time.monotonic() - born
            if failures == 0 and lived < FIRST_LIFE:
                return server.returncode or 1
            failures = 1 if lived > PAUSES[-1] else failures + 1
            if self._owner_gone(PAUSES[min(failures, len(PAUSES)) - 1]):
                return 0

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            pass_fds=(self._lock,),
            # Safe here: this process has one thread, which is also the one the kernel watches.
            preexec_fn=self._end_with_keeper,  # noqa: PLW1509
        )

    def _end_with_keeper(self) -> None:
        # Linux only; elsewhere a server that outlived a killed keeper is ended by the next start.
        if self._libc is not None:
            self._libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)

    def _be_told(self, *_: object) -> None:
        self._told_to_end = True

    def _wait_for_its_end(self, server: subprocess.Popen[bytes]) -> bool:
        while server.poll() is None:
            if self._owner_gone(None):
                return False
        return True

    def _owner_gone(self, seconds: float | None) -> bool:
        """Wait for the owner's end, at most until a signal or `seconds`."""
        readable, _, _ = select.select([self._owner, self._child_ended], [], [], seconds)
        if self._child_ended in readable:
            os.read(self._child_ended, 512)
        return self._told_to_end or self._owner in readable

    def _end(self, server: subprocess.Popen[bytes]) -> None:
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(Keeper(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).run())
