"""Where the API of this machine listens: it says so in its home, for the commands beside it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

USUAL = "http://127.0.0.1:8700"
_NAME = "api.url"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - an address to call, not to bind


def tell(home: Path, host: str, port: int) -> None:
    """Say where this process listens; where there is no home to write to, nobody is told."""
    with suppress(OSError):
        (home / _NAME).write_text(_address(host, port))


def forget(home: Path, host: str, port: int) -> None:
    """Take it back, unless another process has said otherwise since."""
    with suppress(OSError):
        if (home / _NAME).read_text() == _address(host, port):
            (home / _NAME).unlink()


def find(home: Path) -> str:
    """The address that was told last, else the usual one. Whether it answers is not known."""
    try:
        return (home / _NAME).read_text().strip() or USUAL
    except OSError:
        return USUAL


def _address(host: str, port: int) -> str:
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
