"""The content of a file that somebody has named."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TextIO

from bulkhead.credential.reading import shown
from bulkhead.errors import InvalidInput

STDIN = "-"


def content_of(path: str, take: Callable[[BinaryIO], bytes], stdin: TextIO | None = None) -> bytes:
    """What `take` reads of it; with `stdin`, `-` is that. Raises InvalidInput."""
    try:
        if stdin is not None and path == STDIN:
            return take(stdin.buffer)
        with open(path, "rb") as stream:
            return take(stream)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{shown(path)} cannot be read",
            why=getattr(error, "strerror", None) or "it has a name that no file can have",
            to_do="name a file that can be read",
        ) from None
