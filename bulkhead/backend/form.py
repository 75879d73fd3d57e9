"""A body of multipart/form-data: texts, then one file, byte for byte."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bulkhead.backend.upload import Upload


@dataclass(frozen=True, slots=True)
class Form:
    """A body with the Content-Type that names the line between its parts."""

    content: bytes = field(repr=False)
    content_type: str

    def __len__(self) -> int:
        return len(self.content)


Body = bytes | Form
"""What is sent: JSON if it is bytes."""


def _random() -> str:
    return f"bulkhead-{secrets.token_hex(16)}"


def written(texts: Mapping[str, str], upload: Upload, draw: Callable[[], str] = _random) -> Form:
    """The form of these texts, in their order, and the file last.

    Raises TypeError or UnicodeEncodeError for what is not a text, or is none in UTF-8.
    """
    content = upload.content.reveal()
    fields = [(name, _encoded(value)) for name, value in texts.items()]
    boundary = _unused(draw, [content, *(value for _, value in fields)])
    line = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{line}"{name}"\r\n\r\n'.encode() + value + b"\r\n" for name, value in fields]
    # Not guessed from the name: mesibo goes by the extension or by `type`, if anything.
    head = f'{line}"file"; filename="{upload.file_name}"\r\nContent-Type: application/octet-stream'
    parts += [head.encode(), b"\r\n\r\n", content, f"\r\n--{boundary}--\r\n".encode()]
    return Form(b"".join(parts), f"multipart/form-data; boundary={boundary}")


def _encoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError("a form carries texts only")
    return value.encode()


def _unused(draw: Callable[[], str], parts: Sequence[bytes]) -> str:
    """A boundary that is in no part, or the receiver would cut a part short there."""
    while True:
        boundary = draw()
        if not any(boundary.encode() in part for part in parts):
            return boundary
