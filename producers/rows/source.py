"""Where rows come from: the bytes of a file or of stdin, as text, a piece at a time."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bulkhead.errors import InvalidInput

PIECE = 256 * 1024
"""Bytes read at once."""
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. A file without line breaks must not be taken into memory whole."""
STDIN = "-"
_BOM = b"\xef\xbb\xbf"

_KINDS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save it as CSV UTF-8"),
    (b"%PDF", "a PDF", "export the table itself as CSV UTF-8"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `unzstd`"),
    (b"BZh", "compressed with bzip2", "unpack it with `bunzip2`"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with `unxz`"),
    (b"\xff\xfe\x00\x00", "text in UTF-32", "save it as CSV UTF-8"),
    (b"\xff\xfe", "text in UTF-16", "save it as CSV UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as CSV UTF-8"),
    (b"\x89PNG", "a picture", "name a CSV file"),
    (b"\xff\xd8\xff", "a picture", "name a CSV file"),
    (b"SQLite format 3", "a database", "export the table as CSV UTF-8"),
)


class Source:
    """The text of one input in pieces that end at a line break, counted and hashed on the way.

    Bytes that are not UTF-8 arrive as lone surrogates, and `has_bad_bytes` is true from then on.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.name = name
        self.bytes = 0
        self.has_bad_bytes = False
        self._raw = raw
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    def pieces(self) -> Iterator[str]:
        """Each piece of text, the first without its byte order mark. Raises InvalidInput."""
        rest = self._read()
        refuse_binary(rest, self.name)
        rest = rest.removeprefix(_BOM)
        while block := self._read():
            rest += block
            cut = _last_line_end(rest)
            if cut:
                yield self._decoded(rest[:cut])
                rest = rest[cut:]
            elif len(rest) > LONGEST_LINE:
                raise _endless_line(self.name)
        if rest:
            yield self._decoded(rest)

    def _read(self) -> bytes:
        try:
            block = self._raw.read(PIECE)
        except OSError as error:
            raise unreadable(self.name, error) from error
        self.bytes += len(block)
        self._hash.update(block)
        return block

    def _decoded(self, piece: bytes) -> str:
        try:
            return piece.decode()
        except UnicodeDecodeError:
            self.has_bad_bytes = True
            return piece.decode(errors="surrogateescape")


def open_file(name: str) -> BinaryIO:
    """The file of that name, open for reading. Raises InvalidInput with what to do instead."""
    try:
        return open(name, "rb")
    except FileNotFoundError as error:
        raise _missing(Path(name)) from error
    except IsADirectoryError as error:
        raise InvalidInput(
            f"`{name}` is a folder.",
            why="One import reads one file.",
            to_do=f"Name a file in it{_csv_files_in(Path(name))}.",
        ) from error
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError | ValueError) -> InvalidInput:
    """The refusal of an input that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error)
    return InvalidInput(
        f"`{name}` cannot be read.",
        why=f"The system says: {reason}.",
        to_do="Check its permissions and that it is a plain file, then try again.",
    )


def refuse_binary(head: bytes, name: str) -> None:
    """Raise InvalidInput when the first bytes show that this is not text in UTF-8."""
    kind = _kind(head)
    if kind is None:
        return
    what, to_do = kind
    raise InvalidInput(
        f"`{name}` is not a CSV file.",
        why=f"It is {what}.",
        to_do=f"{to_do[0].upper()}{to_do[1:]}, then import that.",
    )


def _kind(head: bytes) -> tuple[str, str] | None:
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(head)
    for magic, what, to_do in _KINDS:
        if head.startswith(magic):
            return what, to_do
    start = head[:8192]
    # One stray NUL far down spoils one row only; in the header, or many, mean another kind of file.
    if b"\0" in start.partition(b"\n")[0] or start.count(b"\0") * 100 > len(start):
        return "binary data, or text that is not UTF-8", "save it as CSV UTF-8"
    return None


def _zip_kind(head: bytes) -> tuple[str, str]:
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook (.xlsx)", "save it as CSV UTF-8"
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet (.ods)", "save it as CSV UTF-8"
    return "a zip archive", "unpack it"


def _last_line_end(text: bytes) -> int:
    # A CR at the very end may be half of a CRLF, so it does not count yet.
    return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, len(text) - 1) + 1


def _endless_line(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is not a CSV file.",
        why=f"It has a line longer than {LONGEST_LINE // 1024 // 1024} MiB.",
        to_do="Save it as CSV UTF-8 with one row a line.",
    )


def _missing(path: Path) -> InvalidInput:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        folder = f"There is no folder `{path.parent}` to look in."
        return InvalidInput(f"There is no file `{path}`.", why=folder, to_do="Check the path.")
    near = difflib.get_close_matches(path.name, names, 3, 0.6)
    return InvalidInput(
        f"There is no file `{path}`.",
        why="No file of that name is in the folder.",
        to_do=f"Did you mean {_quoted(near)}?" if near else "Check the name and the folder.",
    )


def _csv_files_in(folder: Path) -> str:
    names = sorted(path.name for path in folder.glob("*.csv"))[:3]
    return f", such as {_quoted(names)}" if names else ""


def _quoted(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)
