"""The command line: what a person types, and what they see."""

from __future__ import annotations

import sys
from typing import NoReturn


def main(words: list[str] | None = None) -> NoReturn:
    """Run the command typed; Ctrl-C ends it as quietly while its modules are still loading."""
    try:
        from producers.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run(words)
