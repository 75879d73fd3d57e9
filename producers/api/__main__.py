"""`python -m producers.api --host H --port N`: the API as a process of its own."""

from __future__ import annotations

import argparse
import sys

from bulkhead.errors import BulkheadError
from bulkhead.settings import Settings
from producers.api.server import serve
from worker import logs


def main() -> int:
    """Serve until told to stop; an error's exit code, after its three lines on stderr."""
    flags = argparse.ArgumentParser(prog="bulkhead api", description=__doc__)
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, default=8700, help="0 lets the system choose")
    given = flags.parse_args()
    try:
        settings = Settings.load()
        logs.configure(settings)
        serve(settings, given.host, given.port)
    except KeyboardInterrupt:
        return 130
    except BulkheadError as error:
        sys.stderr.write(f"error: {error.what}\nwhy: {error.why}\nto do: {error.to_do}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
