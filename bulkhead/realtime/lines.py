"""JSON lines over a pipe: whole ones only, and none that is too long to hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 16 * 1024 * 1024
"""Bytes of a line that is still read."""


def to_line(said: Mapping[str, Any]) -> bytes:
    """One line, in ASCII: half a surrogate pair travels as well as any other text."""
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


class Lines:
    """Puts lines together again, however the pipe has cut them."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._held = bytearray()
        self._too_long = False

    def take(self, chunk: bytes) -> list[dict[str, Any]]:
        """The objects that are whole now. What is too long, or no JSON object, is left out."""
        self._held += chunk
        *whole, rest = bytes(self._held).split(b"\n") if b"\n" in chunk else (bytes(self._held),)
        if whole and self._too_long:
            whole, self._too_long = whole[1:], False
        self._held = bytearray(rest)
        if len(self._held) > self._longest:
            self._held.clear()
            self._too_long = True
        return [found for line in whole if (found := _object(line)) is not None]


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
