"""One JSON line a request, for whoever checks afterwards what was really sent."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.record import Entry

FLUSH_S = 0.2


class RequestLog:
    """Appends to a file; a line is on disk after the next `flush`."""

    def __init__(self, path: Path) -> None:
        # A lone surrogate in a key becomes \\udXXX, which JSON reads back as the same key.
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace")

    def write(self, label: str, entry: Entry) -> None:
        """Add one line; `label` is the masked token."""
        line = {
            "t": round(entry.t, 6),
            "token": label,
            "op": entry.op,
            "key": entry.key,
            "peer": entry.peer,
            "outcome": entry.outcome,
        }
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flush, then let go of the file."""
        self._file.close()
