"""From bytes to text: which encoding a file is in, and what becomes of bytes that do not fit."""

from __future__ import annotations

import codecs
import difflib
from encodings.aliases import aliases

from bulkhead.errors import InvalidInput, UsageProblem

SPOILT = "\udcff"
"""Stands for bytes that do not fit; no encoding reads as it, so no row with it is ever sent."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FAMILIES = {name: name[:6].rstrip("-") for name in ("utf-16-le", "utf-16-be")}
_FAMILIES |= {"utf-32-le": "utf-32", "utf-32-be": "utf-32", "utf-8-sig": "utf-8"}
# Escapes for programs, not for files; some would read almost anything as something.
_NOT_FOR_FILES = frozenset(
    {"idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "utf-7"}
    | {"raw_unicode_escape", "undefined", "mbcs", "oem", "utf_7"}
)
_USUAL = ("utf-8", "utf-16", "utf-32", "latin-1", "iso-8859-15", "cp1252", "cp437", "cp850")


def _spoil(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 — the only one a decoder raises
    return SPOILT, error.end


codecs.register_error("bulkhead.spoilt", _spoil)


def known_encoding(name: str) -> str:
    """The encoding's own name. Raises UsageProblem with near names."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    # rot13 and its like turn text into text, or bytes into bytes: they are codecs, not encodings.
    if found is not None and found._is_text_encoding and found.name not in _NOT_FOR_FILES:
        return found.name
    every = [*_USUAL, *aliases, *aliases.values()]
    near = difflib.get_close_matches(name.lower(), every, 3, 0.6) or list(_USUAL[:4])
    raise UsageProblem(
        f"there is no encoding {name!r}",
        why="an encoding is named as Python names it",
        to_do=f"did you mean {' or '.join(dict.fromkeys(near))}?",
    )


def encoding_of(head: bytes, declared: str | None, name: str) -> str:
    """The file's encoding, by its byte order mark or as declared; UTF-8 if neither says.

    Raises InvalidInput when the mark and the declaration contradict each other.
    """
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    if declared is None:
        return marked or "utf-8"
    family = _FAMILIES.get(declared, declared)
    if marked is not None and marked != family:
        raise InvalidInput(
            f"`{name}` is not {declared}.",
            why=f"It begins with the byte order mark of {marked.upper()}.",
            to_do=f"Leave `--encoding` out: {marked.upper()} with a mark is recognised.",
        )
    if marked is not None:
        return family
    return _unmarked(family, declared, head)


def _unmarked(family: str, declared: str, head: bytes) -> str:
    # Without a mark the machine's own order would decide; where the zero bytes of the first
    # letter stand says it better.
    if declared in ("utf-16", "utf-32"):
        return f"{family}-{'be' if head[:1] == bytes(1) else 'le'}"
    return family if family == "utf-8" else declared


class Decoder:
    """Bytes in, text out, piece by piece; `spoilt` is true once bytes did not fit."""

    def __init__(self, encoding: str) -> None:
        self.spoilt = False
        self._decoder = codecs.getincrementaldecoder(encoding)("bulkhead.spoilt")
        self._first = True

    def text(self, piece: bytes, last: bool = False) -> str:
        """The text of the next bytes; half a character waits for its other half."""
        text = self._decoder.decode(piece, last)
        if self._first and text:
            self._first = False
            text = text.removeprefix("\ufeff")
        self.spoilt = self.spoilt or SPOILT in text
        return text
