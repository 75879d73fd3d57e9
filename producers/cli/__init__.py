"""The command line: what a person types, and what they see."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # Python's own `typing` costs an import in which Ctrl-C would print a stack
    from typing import NoReturn


def main(words: list[str] | None = None) -> NoReturn:
    """Run the command typed; Ctrl-C ends it as quietly while its modules are still loading."""
    try:
        from signal import SIG_DFL, SIGINT, default_int_handler, getsignal, signal

        # Python may wrap an interrupt of an import in another error, so none is raised there.
        asked = getsignal(SIGINT) is default_int_handler
        if asked:
            signal(SIGINT, SIG_DFL)
        from producers.cli.interrupts import pressed
        from producers.cli.main import main as run

        if asked:
            signal(SIGINT, pressed)
    except KeyboardInterrupt:
        sys.exit(130)
    run(words)
