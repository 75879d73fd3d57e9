"""A file that goes with a message in real time: what its job keeps of it beside the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.errors import InvalidInput

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes. Each job keeps its own copy in the store for as long as its results."""
LONGEST_NAME = 200
"""Bytes of a name: file systems take 255, and the package may put something before it."""
NAMELESS = "file"


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Name, digest (SHA-256, in hex) and size in bytes of a file."""

    name: str
    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes, name: str) -> Enclosure:
        """That of these bytes, under the last part of this name.

        Raises InvalidInput for an empty file and for one that is too large.
        """
        refuse_size(len(content), name)
        return cls(plain_name(name), hashlib.sha256(content).hexdigest(), len(content))

    @classmethod
    def from_params(cls, kept: Mapping[str, Any]) -> Enclosure:
        """The one that a job keeps. Raises KeyError."""
        return cls(kept["name"], kept["sha256"], kept["bytes"])

    def params(self) -> dict[str, Any]:
        """The same as a job keeps it."""
        return {"name": self.name, "sha256": self.sha256, "bytes": self.size}


def refuse_size(size: int, name: str) -> None:
    """Raises InvalidInput for nothing, and for more than LARGEST_FILE."""
    if 0 < size <= LARGEST_FILE:
        return
    shown = plain_name(name)
    raise InvalidInput(
        f"{shown} is too large to be sent" if size else f"{shown} is empty",
        why=f"a job carries at most {LARGEST_FILE // 2**20} MiB with it"
        if size
        else "there is nothing in it that could be sent",
        to_do="put it where everybody can fetch it, and give its URL"
        if size
        else "name the file that is meant",
    )


def plain_name(name: str) -> str:
    """What of a path may name a file anywhere: its last part, without control characters."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    cut = kept.encode(errors="ignore")
    if len(cut) <= LONGEST_NAME:
        return cut.decode() or NAMELESS
    # The end of a name says what the file is: it stays.
    stem, dot, ending = kept.rpartition(".")
    ending = dot + ending if 0 < len(ending.encode(errors="ignore")) <= 16 and stem else ""
    room = LONGEST_NAME - len(ending.encode(errors="ignore"))
    return cut[:room].decode(errors="ignore") + ending.encode(errors="ignore").decode()
