"""The Python API, and the one submit. Safe to import in other programs."""

from __future__ import annotations

from bulkhead.submitting import Entry, submit

__all__ = ["Entry", "submit"]
