"""Runs one program that must not outlive whoever started it, however that one ends.

`python -m worker.leash COMMAND…`: our stdin is a pipe from the starter. When it closes,
the program is asked to end, and ended if it does not; its exit code becomes ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

PATIENCE = 12.0
"""Seconds between asking and ending: longer than a worker's grace for its calls."""


_SET_PARENT_DEATH_SIGNAL = 1


def main() -> int:
    """The program's exit code, negative signals as a shell shows them."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    starter = os.getpid()

    def end_with_leash() -> None:
        # Linux only: elsewhere a program outlives a leash that was killed.
        if libc is not None:
            libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
            if os.getppid() != starter:
                os._exit(1)

    program = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        # Safe here: no other thread runs yet, and this one lasts as long as the process.
        preexec_fn=end_with_leash,  # noqa: PLW1509
    )

    def ask(number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        program.send_signal(signal.SIGTERM)

    # A terminal's Ctrl-C reaches the starter too; it decides, and tells us by the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, ask)

    def watch() -> None:
        while os.read(0, 1024):
            pass
        ask()
        try:
            program.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()

    threading.Thread(target=watch, daemon=True).start()
    code = program.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
