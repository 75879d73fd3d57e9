"""Secrets: how one is carried without being shown."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NoReturn, Self

from bulkhead.errors import InvalidInput

SHORTEST_KEY = 32
"""Characters of text from which a key may be made."""

LONGEST_QUOTE = 12
"""Characters from which on a quotation from a secret file is taken out of a text."""

_SHOWN = 4
# Below this length the last characters would be too large a part of the secret.
_SHORTEST_SHOWN = 12


class _Carried:
    """What has one copy in a process, and none outside it."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is never pickled: seal it in a Box")


class Secret(_Carried):
    """A secret that shows its last four characters and gives the rest only to `reveal`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself: for the wire and for `Box.seal`, never for a message."""
        return self.__value

    def scrub(self, text: str) -> str:
        """The text with every occurrence of the secret, in any case, shown as the secret is."""
        if not self.__value:
            return text
        return re.sub(re.escape(self.__value), lambda _: str(self), text, flags=re.IGNORECASE)

    def __str__(self) -> str:
        return "…" + self.__value[-_SHOWN:] if len(self.__value) >= _SHORTEST_SHOWN else "…"

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(utf8(self.__value), utf8(other.__value))

    def __hash__(self) -> int:
        return hash(self.__value)


def fingerprint(token: Secret) -> str:
    """Twelve hexadecimal digits by which two people can see that they hold the same token."""
    # Not keyed: it must read the same on two machines with two keys, and survive a change of
    # key. An app token is 32 or more random characters, too many to guess from 48 bits.
    return hashlib.sha256(b"bulkhead token\0" + utf8(token.reveal())).hexdigest()[:12]


def key_material(secret_key: str) -> bytes:
    """The bytes that keys are made from. Raises InvalidInput for too short a text."""
    if len(secret_key) < SHORTEST_KEY:
        raise InvalidInput(
            "the secret key is too short",
            why=f"it has {len(secret_key)} characters and needs {SHORTEST_KEY}",
            to_do="set BULKHEAD_SECRET_KEY to 32 or more random characters",
        )
    return utf8(secret_key)


def utf8(text: str) -> bytes:
    """The text as bytes, whatever it holds."""
    # A lone surrogate is text to Python: it must be comparable, never an exception.
    return text.encode("utf-8", "surrogatepass")


class SecretBytes(_Carried):
    """Bytes that show nothing but their number, and are given only to `reveal`."""

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        self.__value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves: for the wire and for a box, never for a message."""
        return self.__value

    def scrub(self, text: str) -> str:
        """The text with every stretch of LONGEST_QUOTE or more that is in the bytes taken out."""
        hidden: set[int] = set()
        for at in range(len(text) - LONGEST_QUOTE + 1):
            if self._holds(text[at : at + LONGEST_QUOTE]):
                hidden.update(range(at, at + LONGEST_QUOTE))
        shown = ("\0" if at in hidden else sign for at, sign in enumerate(text))
        return re.sub("\0+", "…", "".join(shown)) if hidden else text

    def _holds(self, text: str) -> bool:
        # Who quotes a binary file may have taken each of its bytes for a letter.
        return utf8(text) in self.__value or text.encode("latin-1", "replace") in self.__value

    def __len__(self) -> int:
        return len(self.__value)

    def __repr__(self) -> str:
        return f"SecretBytes({len(self):,} bytes)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretBytes):
            return NotImplemented
        return hmac.compare_digest(self.__value, other.reveal())

    def __hash__(self) -> int:
        return hash(self.__value)
