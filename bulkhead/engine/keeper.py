"""Keep a store server running for as long as its owner lives, and not longer.

Started by file, with the standard library alone, as a process of its own:
`keeper.py OWNER_PIPE LOCK COMMAND…`, both of them numbers of open files. The owner holds the
other end of the pipe and writes one byte when the server has loaded its data: from then on a
server that dies is started again. The end of the owner, even by SIGKILL, is the end of the
pipe. The server inherits the lock, so that is free only when nobody can write any more.

Unlike a death signal asked for by the server itself, the pipe does not care which thread of the
owner started us. A child that the owner forked without exec keeps the pipe, and us, alive.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds before each new try; the last goes on for ever: a full disk may be emptied."""
LONG_LIFE = 10.0
"""Seconds after which a server counts as healthy, and the tries begin anew."""
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
        self._signals, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._pid = os.getpid()
        self._has_answered = False
        self._told_to_end = False
        signal.signal(signal.SIGTERM, self._be_told)

    def run(self) -> int:
        """Returns 0 when the owner ended, or the code of a server that never came to answer."""
        tries = 0
        while True:
            born = time.monotonic()
            server = self._start()
            if not self._wait_for_its_end(server):
                self._end(server)
                return 0
            if not self._has_answered:
                return server.returncode or 1
            tries = 0 if time.monotonic() - born > LONG_LIFE else tries + 1
            if self._owner_gone(PAUSES[min(tries, len(PAUSES) - 1)]):
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
            if os.getppid() != self._pid:  # we died before it was asked for
                os._exit(1)

    def _be_told(self, *_: object) -> None:
        self._told_to_end = True

    def _wait_for_its_end(self, server: subprocess.Popen[bytes]) -> bool:
        while server.poll() is None:
            if self._owner_gone(None):
                return False
        return True

    def _owner_gone(self, seconds: float | None) -> bool:
        """Wait for word from the owner, at most until a signal or for `seconds`."""
        readable, _, _ = select.select([self._owner, self._signals], [], [], seconds)
        if self._signals in readable:
            os.read(self._signals, 512)
        if self._owner in readable:
            if not os.read(self._owner, 1):
                return True
            self._has_answered = True
        return self._told_to_end

    def _end(self, server: subprocess.Popen[bytes]) -> None:
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(Keeper(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).run())
