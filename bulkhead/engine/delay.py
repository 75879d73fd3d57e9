"""How long a worker needs from a claim to its first call, learned from its own slices."""

from __future__ import annotations

SHORTEST = 0.004
LONGEST = 1.0
FORGET = 0.95


class StartDelay:
    """Seconds; rises at once with a slow start and falls slowly after quick ones.

    A permit planned for an instant the worker cannot keep would be given back unused.
    """

    def __init__(self) -> None:
        self.seconds = SHORTEST

    def learn(self, seconds: float) -> None:
        """One slice began this long after its claim."""
        self.seconds = min(LONGEST, max(SHORTEST, seconds * 1.25, self.seconds * FORGET))
