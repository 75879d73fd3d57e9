"""Imports the package, which may be missing, broken, or end the process while it tries."""

from __future__ import annotations

import fcntl
import importlib
import importlib.metadata
import importlib.util
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_WAIT_S = 20.0
_OLDEST = datetime(2015, 1, 1, tzinfo=UTC)


class Missing(Exception):
    """No such module is installed."""


def load(name: str) -> ModuleType:
    """The package. Raises Missing, or whatever the package raises, SystemExit among it."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        raise Missing(name) from error
    if spec is None:
        raise Missing(name)
    hook = sys.excepthook
    try:
        with _alone(spec):
            return importlib.import_module(name)
    finally:
        sys.excepthook = hook


@contextmanager
def _alone(spec: ModuleSpec) -> Iterator[None]:
    """No other process of ours imports it meanwhile.

    At its first import it copies a library into its own folder, and who reads half of it crashes.
    """
    origin = spec.origin
    if origin is None or not Path(origin).is_file():
        yield
        return
    with Path(origin).open("rb") as file:
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.02)
        yield


def version_of(package: ModuleType) -> str:
    """The release, as the package or its installation says; empty if neither does."""
    said = getattr(package, "__mesibo_version__", None)
    if isinstance(said, str):
        return said
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package.__name__)
    return ""


def built_on(package: ModuleType) -> str:
    """The day on which the release was built, such as 2024-11-21; empty if nothing says.

    Read from the linker's time in the Windows library that every release carries on every system:
    the libraries of the other systems bear no date.
    """
    if not package.__file__:
        return ""
    found = [_linked(path) for path in Path(package.__file__).parent.glob("clib/windows/*/*.dll")]
    days = [day for day in found if day is not None]
    return max(days).date().isoformat() if days else ""


def _linked(library: Path) -> datetime | None:
    with suppress(OSError, struct.error, OverflowError, ValueError), library.open("rb") as file:
        head = file.read(4096)
        at = struct.unpack_from("<I", head, 0x3C)[0]
        if head[:2] == b"MZ" and head[at : at + 4] == b"PE\0\0":
            when = datetime.fromtimestamp(struct.unpack_from("<I", head, at + 8)[0], UTC)
            # A linker that is told to be reproducible writes a digest there.
            return when if _OLDEST < when < datetime.now(UTC) else None
    return None
