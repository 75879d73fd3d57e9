"""`python -m sandbox`: a stand-in mesibo on a local port."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import uvloop

from sandbox.app import read_registrations
from sandbox.backend import Backend
from sandbox.fault import read_rules
from sandbox.fields import InvalidField
from sandbox.log import RequestLog
from sandbox.server import Options, serve


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 2 for a file or address that cannot be used."""
    flags = _flags().parse_args(arguments)
    try:
        options = Options(
            host=flags.host,
            port=flags.port,
            seed=flags.seed,
            apps=read_registrations(_document(flags.apps)),
            rules=read_rules(_document(flags.faults)),
        )
        log = RequestLog(flags.log) if flags.log else None
    except (InvalidField, OSError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - the command's own voice
        return 2
    return _run(options, log)


def _run(options: Options, log: RequestLog | None) -> int:
    backend = Backend(options.seed, log)
    for registration in options.apps:
        backend.register(registration)
    backend.faults.arm(options.rules, time.time())
    try:
        uvloop.run(serve(options, backend, log))
        if log is not None:
            log.close()
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    return 0


def _document(path: Path | None) -> object:
    if path is None:
        return []
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        raise InvalidField(f"{path}: not JSON") from None


def _flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, default=8800, help="0 lets the system choose")
    flags.add_argument("--apps", type=Path, metavar="FILE", help="apps to register, JSON")
    flags.add_argument("--faults", type=Path, metavar="FILE", help="fault rules, JSON")
    flags.add_argument("--seed", type=int, default=0, help="of faults and of tokens")
    flags.add_argument("--log", type=Path, metavar="FILE", help="append one JSON line a request")
    return flags


if __name__ == "__main__":
    sys.exit(main())
