"""The content of a file that is sent with messages."""

from __future__ import annotations

from typing import BinaryIO

from bulkhead.model.enclosure import LARGEST_FILE
from bulkhead.named_file import content_of


def read_file(path: str) -> tuple[bytes, str]:
    """Its bytes and its name; of one that is too large, no more than shows that it is.

    Raises InvalidInput for one that cannot be read.
    """
    return content_of(path, _take), path


def _take(stream: BinaryIO) -> bytes:
    return stream.read(LARGEST_FILE + 1)
