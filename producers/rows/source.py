"""Where rows come from: the bytes of a file or of stdin, as text, a piece at a time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bulkhead.errors import InvalidInput
from producers.rows.encoding import Decoder, encoding_of
from producers.rows.packed import GZIP, Unpacked, unreadable

LONGEST_LINE = 16 * 1024 * 1024
"""Characters. A file without line breaks must not be taken into memory whole."""
STDIN = "-"

_KINDS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save it as CSV UTF-8"),
    (b"%PDF", "a PDF", "export the table itself as CSV UTF-8"),
    (GZIP, "compressed with gzip twice", "unpack it once with `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `unzstd`"),
    (b"BZh", "compressed with bzip2", "unpack it with `bunzip2`"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with `unxz`"),
    (b"\x89PNG", "a picture", "name a CSV file"),
    (b"\xff\xd8\xff", "a picture", "name a CSV file"),
    (b"SQLite format 3", "a database", "export the table as CSV UTF-8"),
)


class Source:
    """The text of one input in pieces that end at a line break, unpacked and decoded on the way.

    Bytes that do not fit the encoding arrive as lone surrogates, and `has_bad_bytes` is true
    from then on.
    """

    def __init__(self, raw: BinaryIO, name: str, encoding: str | None = None) -> None:
        self.name = name
        self._unpacked = Unpacked(raw, name)
        self._head = self._unpacked.read()
        self.encoding = encoding_of(self._head, encoding, name)
        refuse_binary(self._head, name, wide=self.encoding.startswith(("utf-16", "utf-32")))
        self._decoder = Decoder(self.encoding)
        self._first = self._decoder.text(self._head)

    @property
    def has_bad_bytes(self) -> bool:
        """True once bytes were read that do not fit the encoding."""
        return self._decoder.spoilt

    @property
    def sha256(self) -> str:
        """Of the raw bytes read so far, in hexadecimal."""
        return self._unpacked.sha256

    @property
    def bytes(self) -> int:
        """The number of raw bytes read so far."""
        return self._unpacked.bytes

    @property
    def peek(self) -> str:
        """The beginning of the text, without blanks before it; for a look before `pieces`."""
        return self._first[:4096].lstrip()

    def pieces(self, cr_ends: bool = True) -> Iterator[str]:
        """Each piece of text, the first without its byte order mark. Raises InvalidInput.

        A lone carriage return ends a line unless `cr_ends` is false.
        """
        rest, self._first = self._first, ""
        while block := self._unpacked.read():
            rest += self._decoder.text(block)
            cut = last_line_end(rest, 0, len(rest), cr_ends)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > LONGEST_LINE:
                raise _endless_line(self.name)
        rest += self._decoder.text(b"", last=True)
        if rest:
            yield rest


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


def refuse_binary(head: bytes, name: str, wide: bool = False) -> None:
    """Raise InvalidInput when the first bytes show that this is no text.

    In text of `wide` letters zero bytes mean nothing.
    """
    kind = _kind(head, wide)
    if kind is None:
        return
    what, to_do = kind
    raise InvalidInput(
        f"`{name}` is not a CSV or JSON Lines file.",
        why=f"It is {what}.",
        to_do=f"{to_do[0].upper()}{to_do[1:]}, then import that.",
    )


def _kind(head: bytes, wide: bool) -> tuple[str, str] | None:
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(head)
    for magic, what, to_do in _KINDS:
        if head.startswith(magic):
            return what, to_do
    start = head[:8192]
    # One stray NUL far down spoils one row only; in the header, or many, mean another kind of file.
    if not wide and (b"\0" in start.partition(b"\n")[0] or start.count(b"\0") * 100 > len(start)):
        to_do = "save it as CSV UTF-8, or name what it is in with `--encoding`"
        return "binary data, or text that is not UTF-8", to_do
    return None


def _zip_kind(head: bytes) -> tuple[str, str]:
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook (.xlsx)", "save it as CSV UTF-8"
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet (.ods)", "save it as CSV UTF-8"
    return "a zip archive", "unpack it"


def last_line_end(text: str, begin: int, stop: int, cr_ends: bool = True) -> int:
    """Where the last line between these two places ends; 0 if none does."""
    # A CR at the very end may be half of a CRLF, so it does not count yet.
    end = text.rfind("\n", begin, stop) + 1
    return end or (text.rfind("\r", begin, stop - 1) + 1 if cr_ends else 0)


def _endless_line(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is not a CSV or JSON Lines file.",
        why=f"It has a line longer than {LONGEST_LINE // 1024 // 1024} MiB.",
        to_do="Save it with one row a line.",
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
