"""Items and results as the store keeps them: many in one compressed value."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

SEGMENT = 1000
"""Items in a segment: large enough to compress, small enough to open for a slice."""

LEVEL = 1
"""zlib's quickest; the next levels cost twice the time for a tenth of the bytes."""


def pack(rows: Sequence[Any]) -> bytes:
    """Rows of plain values as compressed JSON."""
    return zlib.compress(_json(rows), LEVEL)


def pack_results(rows: Sequence[Sequence[Any]]) -> bytes:
    """Result rows; what is said in one that cannot be written is left out, the row itself never."""
    try:
        return pack(rows)
    except (TypeError, ValueError, RecursionError):
        return pack([_writable(row) for row in rows])


def _writable(row: Sequence[Any]) -> Sequence[Any]:
    try:
        pack([row])
    except (TypeError, ValueError, RecursionError):
        index, state, _, code, _, _, *times = row
        return [index, state, "", code, "the answer cannot be shown", {}, *times]
    return row


def unpack(blob: bytes) -> list[Any]:
    """The rows that were packed; rows that a script wrote are plain JSON and pass as well."""
    text = blob if blob[:1] == b"[" else zlib.decompress(blob)
    rows: list[Any] = json.loads(text)
    return rows


class Segment:
    """Items on their way into one value, at most SEGMENT; each waits as the text it becomes."""

    def __init__(self) -> None:
        self.room = SEGMENT
        """How many more items there is room for."""
        self._texts: list[bytes] = []

    def take(self, rows: Sequence[Sequence[int | str]]) -> None:
        """Append rows, no more than there is room for."""
        self._texts.append(_text_of(rows)[1:-1])
        self.room -= len(rows)

    def pack(self) -> bytes:
        """What `pack` makes of all rows."""
        return zlib.compress(b"[" + b",".join(self._texts) + b"]", LEVEL)


def _text_of(rows: Sequence[Sequence[int | str]]) -> bytes:
    try:
        # The same as Python's, for numbers and text, in a third of the time.
        return to_json(rows)
    except ValueError:
        return _json(rows)


def _json(rows: Sequence[Any]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
