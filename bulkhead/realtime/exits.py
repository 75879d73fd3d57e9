"""With which number a session's process ends, and what that means."""

from __future__ import annotations

CLOSED = 0
UNHEARD = 70
"""It was not told what to do, or not in words that it knows."""
MISSING = 71
BROKEN = 72
HUNG = 73
ORPHAN = 74
TAKEN = 75

WHY = {
    MISSING: "missing",
    BROKEN: "broken",
    HUNG: "hung",
    ORPHAN: "orphan",
    TAKEN: "taken",
}
"""The package is not installed, cannot be imported or started, did not come back from a call; the
worker is gone; another process has the folder."""
