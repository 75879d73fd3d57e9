"""Read multipart/form-data byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message


class NotAForm(ValueError):
    """The body does not end with its boundary, or a part has no name."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form, as it was sent."""

    name: str
    content: bytes = field(repr=False)


def read_form(body: bytes, content_type: str) -> tuple[dict[str, str], File | None]:
    """The texts, a file's name among them, and the file; of a name sent twice the last counts.

    Raises NotAForm.
    """
    # The standard parser of mail would change the line ends of a binary file.
    boundary = _header(content_type).get_boundary()
    if not boundary:
        raise NotAForm("no boundary")
    texts: dict[str, str] = {}
    file = None
    for head, content in _parts(body, b"\r\n--" + boundary.encode("latin-1", "replace")):
        name, file_name = _names(head)
        texts[name] = content.decode("utf-8", "replace") if file_name is None else file_name
        if name == "file" and file_name is not None:
            file = File(file_name, content)
    return texts, file


def _parts(body: bytes, delimiter: bytes) -> Iterator[tuple[bytes, bytes]]:
    for piece in (b"\r\n" + body).split(delimiter)[1:]:
        if piece.startswith(b"--"):
            return
        head, found, content = piece.partition(b"\r\n\r\n")
        if not found:
            raise NotAForm("a part without an empty line")
        yield head, content
    raise NotAForm("cut short")


def _names(head: bytes) -> tuple[str, str | None]:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        label, _, value = line.partition(":")
        if label.strip().lower() == "content-disposition":
            header = _header(value.strip())
            name, file_name = header.get_param("name"), header.get_param("filename")
            if isinstance(name, str):
                return name, file_name if isinstance(file_name, str) else None
    raise NotAForm("a part without a name")


def _header(value: str) -> Message:
    message = Message()
    message["Content-Type"] = value
    return message
