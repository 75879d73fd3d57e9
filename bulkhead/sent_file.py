"""The content of a file that is sent with messages."""

from __future__ import annotations

from typing import BinaryIO

from bulkhead.model.enclosure import LARGEST_FILE, Enclosure
from bulkhead.named_file import content_of


def enclose(path: str) -> tuple[bytes, Enclosure]:
    """Its bytes, and what a letter says of it.

    Raises InvalidInput for one that cannot be read, is empty, or is too large.
    """
    content = content_of(path, _take)
    return content, Enclosure.of(content, path)


def _take(stream: BinaryIO) -> bytes:
    # One byte more shows that it is too large.
    return stream.read(LARGEST_FILE + 1)
