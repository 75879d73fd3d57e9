"""Counts the words that backends refuse with until the pulse takes them to the store."""

from __future__ import annotations

import threading
from collections import Counter

from bulkhead.backend.words import shown
from bulkhead.engine.wordbook import MOST, Heard


class Hearing:
    """Written from every lane, emptied by the pulse; bounded, whatever a backend says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._ops: dict[tuple[str, str], str] = {}

    def note(self, app: str, op: str, word: str) -> None:
        """A word was heard once more."""
        place = (app, shown(word))
        with self._lock:
            if place in self._counts or len(self._counts) < MOST:
                self._counts[place] += 1
                self._ops.setdefault(place, op)

    def take(self) -> list[Heard]:
        """What was heard since the last time."""
        with self._lock:
            counts, ops = self._counts, self._ops
            self._counts, self._ops = Counter(), {}
        return [Heard(app, word, ops[app, word], n) for (app, word), n in counts.items()]
