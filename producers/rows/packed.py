"""The bytes of an input: counted and hashed as given, and unpacked if they are gzip."""

from __future__ import annotations

import hashlib
import zlib
from typing import BinaryIO

from bulkhead.errors import InvalidInput

PIECE = 256 * 1024
"""Bytes read at once, and at most unpacked at once: a bomb takes time, never memory."""
GZIP = b"\x1f\x8b"
_WITH_HEADER = 16 + zlib.MAX_WBITS


class Unpacked:
    """The bytes inside, a piece at a time; `bytes` and `sha256` are of those outside."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.bytes = 0
        self.is_packed = False
        self._raw = raw
        self._name = name
        self._hash = hashlib.sha256()
        self._waiting = b""
        self._member: zlib._Decompress | None = None
        self._started = False

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    def read(self) -> bytes:
        """The next piece; empty at the end. Raises InvalidInput for damaged or cut gzip."""
        if not self._started:
            self._started = True
            block = self._block()
            self.is_packed = block.startswith(GZIP)
            if not self.is_packed:
                return block
            self._waiting, self._member = block, zlib.decompressobj(_WITH_HEADER)
        return self._unpacked() if self.is_packed else self._block()

    def _unpacked(self) -> bytes:
        while True:
            if not self._waiting:
                self._waiting = self._block()
            if not self._waiting:
                if self._member is not None:
                    raise self._cut()
                return b""
            piece = self._next_piece()
            if piece:
                return piece

    def _next_piece(self) -> bytes:
        if self._member is None and not self._begins_member():
            return b""
        member = self._member
        assert member is not None  # noqa: S101 — for the type checker
        try:
            piece = member.decompress(self._waiting, PIECE)
        except zlib.error as error:
            raise self._damaged() from error
        if member.eof:
            self._waiting, self._member = member.unused_data, None
        else:
            self._waiting = member.unconsumed_tail
        return piece

    def _begins_member(self) -> bool:
        # Tapes and some tools fill up with zeros after the last member.
        self._waiting = self._waiting.lstrip(b"\0")
        if not self._waiting:
            return False
        if not GZIP.startswith(self._waiting[:2]):
            raise self._damaged()
        self._member = zlib.decompressobj(_WITH_HEADER)
        return True

    def _block(self) -> bytes:
        try:
            block = self._raw.read(PIECE)
        except OSError as error:
            raise unreadable(self._name, error) from error
        self.bytes += len(block)
        self._hash.update(block)
        return block

    def _damaged(self) -> InvalidInput:
        return InvalidInput(
            f"`{self._name}` is damaged.",
            why="It is compressed with gzip and cannot be unpacked to its end.",
            to_do="Fetch or pack the file again; `gzip --test` says when it is whole.",
        )

    def _cut(self) -> InvalidInput:
        return InvalidInput(
            f"`{self._name}` is not complete.",
            why="It is compressed with gzip and ends before its end.",
            to_do="Fetch or pack the file again; `gzip --test` says when it is whole.",
        )


def unreadable(name: str, error: OSError | ValueError) -> InvalidInput:
    """The refusal of an input that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error)
    return InvalidInput(
        f"`{name}` cannot be read.",
        why=f"The system says: {reason}.",
        to_do="Check its permissions and that it is a plain file, then try again.",
    )
