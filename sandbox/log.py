"""One JSON line a request, for whoever checks afterwards what was really sent."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.record import Entry

FLUSH_S = 0.2


class RequestLog:
    """Appends to a file, whole lines at a time; a line is there after the next `flush`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._lines: list[str] = []

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
        self._lines.append(json.dumps(line, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Hand the lines to the operating system; raises OSError if it will not have them."""
        # A lone surrogate in a key becomes \udXXX, which JSON reads back as the same key.
        text = "".join(self._lines).encode("utf-8", "backslashreplace")
        self._lines.clear()
        self._file.write(text)
        self._file.flush()

    def close(self) -> None:
        """Flush, then let go of the file."""
        self.flush()
        self._file.close()
