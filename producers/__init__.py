"""1. The doors in: command line, HTTP and files, where a row becomes an item of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bulkhead.client import Bulkhead

__all__ = ["Bulkhead"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for: the command line must not wait for a client it does not use.
    if name == "Bulkhead":
        from bulkhead.client import Bulkhead  # noqa: PLC0415

        return Bulkhead
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
