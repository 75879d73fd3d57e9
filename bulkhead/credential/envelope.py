"""A look at the outside of a PKCS#12 file (RFC 7292): how it is encrypted, and whether by nothing.

The library that opens such files says "invalid password or data" to both a password and a changed
byte. Here the two are told apart: each encrypted part is tried with no password, and what it opens
to must begin as the standard says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from bulkhead.credential.der import (
    CONTEXT_0,
    INTEGER,
    OBJECT_ID,
    SEQUENCE,
    Node,
    NotDer,
    read,
)
from bulkhead.credential.old_key import KEY, MAC, VECTOR, derived

MOST_ROUNDS = 2_000_000
"""Of key derivation: three times what the most careful programs use; more would keep us busy."""
_MOST_ROUNDS_OF_OURS = 200_000
_MOST_PARTS = 8

_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_SHROUDED_KEY = "1.2.840.113549.1.12.10.1.2"
_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_PBMAC1, _SHA1 = "1.2.840.113549.1.5.14", "1.3.14.3.2.26"
_TRIPLE_DES = "1.2.840.113549.1.12.1.3"
_OLD = {
    "1.2.840.113549.1.12.1.1": "RC4",
    "1.2.840.113549.1.12.1.2": "RC4",
    _TRIPLE_DES: "3DES",
    "1.2.840.113549.1.12.1.4": "3DES",
    "1.2.840.113549.1.12.1.5": "RC2",
    "1.2.840.113549.1.12.1.6": "RC2",
    "1.2.840.113549.1.5.1": "DES",
    "1.2.840.113549.1.5.3": "DES",
    "1.2.840.113549.1.5.4": "RC2",
    "1.2.840.113549.1.5.6": "RC2",
    "1.2.840.113549.1.5.10": "DES",
    "1.2.840.113549.1.5.11": "RC2",
    "1.2.840.113549.3.2": "RC2",
    "1.2.840.113549.3.7": "3DES",
    "1.3.14.3.2.7": "DES",
}
_AES_KEY_BYTES = {
    "2.16.840.1.101.3.4.1.2": 16,
    "2.16.840.1.101.3.4.1.22": 24,
    "2.16.840.1.101.3.4.1.42": 32,
}
_PRF = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_NO_PASSWORDS = (b"\0\0", b"")
"""An empty text with its end mark, and nothing at all: programs disagree about it."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One encrypted part: its cipher if that is an old one, and whether it opens with nothing."""

    old_cipher: str | None
    opens: bool


@dataclass(frozen=True, slots=True)
class Envelope:
    """The encrypted parts that can be seen from outside."""

    parts: tuple[Sealed, ...]
    has_mac: bool
    intact: bool
    """No byte was changed and there is no password; told only of the checksum old files have."""

    @property
    def old_ciphers(self) -> tuple[str, ...]:
        """The legacy ciphers in it, each once."""
        return tuple(sorted({part.old_cipher for part in self.parts if part.old_cipher}))

    @property
    def opens(self) -> bool:
        """True if a part opens with no password; False proves nothing where a cipher is odd."""
        return any(part.opens for part in self.parts)


def look(data: bytes) -> Envelope | None:
    """How a PKCS#12 file is encrypted; None for anything else.

    Raises NotDer for one that is damaged, cut short, or asks for an absurd amount of work.
    """
    if not begins_as_archive(data):
        return None
    try:
        return _looked(data)
    except (ValueError, RecursionError):
        raise NotDer from None


def _looked(data: bytes) -> Envelope:
    file, _ = read(data)
    content = _content(file.child(1, SEQUENCE), _DATA).octets()
    sealed = [part for safe in _unpacked(content).children() for part in _parts(safe)]
    if len(sealed) > _MOST_PARTS:
        raise NotDer
    has_mac = len(file.children()) > 2
    intact = has_mac and _fits(file.child(2, SEQUENCE), content)
    return Envelope(tuple(_sealed(*part) for part in sealed), has_mac, intact)


def begins_as_archive(data: bytes) -> bool:
    """True if the version and the kind of content stand where they should, whatever follows."""
    if data[:1] != bytes([SEQUENCE]):
        return False
    size = data[1] if len(data) > 1 else 0
    start = 2 + (size - 0x80 if size > 0x80 else 0)
    return data[start : start + 4] == b"\x02\x01\x03\x30"


def _parts(safe: Node) -> Iterator[tuple[Node, bytes]]:
    """The algorithm and the ciphertext of everything encrypted in one part of the file."""
    if safe.child(0, OBJECT_ID).object_id() == _ENCRYPTED:
        inner = _content(safe, _ENCRYPTED).child(1, SEQUENCE)
        yield inner.child(1, SEQUENCE), inner.child(2).octets()
        return
    for bag in _unpacked(_content(safe, _DATA).octets()).children():
        if bag.child(0, OBJECT_ID).object_id() == _SHROUDED_KEY:
            key = bag.child(1, CONTEXT_0).child(0, SEQUENCE)
            yield key.child(0, SEQUENCE), key.child(1).octets()


def _content(info: Node, kind: str) -> Node:
    if info.child(0, OBJECT_ID).object_id() != kind:
        raise NotDer
    return info.child(1, CONTEXT_0).child(0)


def _unpacked(octets: bytes) -> Node:
    node, _ = read(octets)
    return node


def _fits(mac: Node, content: bytes) -> bool:
    """True if the checksum is an old one over just this content, with no password."""
    algorithm, salt = mac.child(0, SEQUENCE).child(0, SEQUENCE), mac.child(1).octets()
    name = algorithm.child(0, OBJECT_ID).object_id()
    if name == _PBMAC1:
        derivation = algorithm.child(1, SEQUENCE).child(0, SEQUENCE)
        _bounded(derivation.child(1, SEQUENCE).child(1, INTEGER).number())
    rounds = _bounded(mac.child(2, INTEGER).number() if mac.children()[2:] else 1)
    if name != _SHA1 or rounds > _MOST_ROUNDS_OF_OURS:
        return False
    written = mac.child(0, SEQUENCE).child(1).octets()
    keys = (derived(password, salt, rounds, MAC, 20) for password in _NO_PASSWORDS)
    return any(hmac.compare_digest(hmac.digest(key, content, "sha1"), written) for key in keys)


def _bounded(rounds: int) -> int:
    if not 0 < rounds <= MOST_ROUNDS:
        raise NotDer
    return rounds


def _sealed(algorithm: Node, sealed: bytes) -> Sealed:
    name, settings = algorithm.child(0, OBJECT_ID).object_id(), algorithm.child(1, SEQUENCE)
    if name == _PBES2:
        return _by_pbes2(settings, sealed)
    if name not in _OLD:
        return Sealed(None, False)
    salt, rounds = settings.child(0).octets(), _bounded(settings.child(1, INTEGER).number())
    opens = name == _TRIPLE_DES and rounds <= _MOST_ROUNDS_OF_OURS
    return Sealed(_OLD[name], opens and _opens_by_triple_des(salt, rounds, sealed))


def _by_pbes2(settings: Node, sealed: bytes) -> Sealed:
    derivation, scheme = settings.child(0, SEQUENCE), settings.child(1, SEQUENCE)
    cipher = scheme.child(0, OBJECT_ID).object_id()
    if derivation.child(0, OBJECT_ID).object_id() != _PBKDF2:
        return Sealed(_OLD.get(cipher), False)
    salt, number, *rest = derivation.child(1, SEQUENCE).children()
    rounds = _bounded(number.number())
    size = _AES_KEY_BYTES.get(cipher)
    prf = next((_PRF.get(one.child(0).object_id()) for one in rest if one.tag == SEQUENCE), "sha1")
    if size is None or prf is None:
        return Sealed(_OLD.get(cipher), False)
    key = hashlib.pbkdf2_hmac(prf, b"", salt.octets(), rounds, size)
    return Sealed(None, _opens(Cipher(AES(key), CBC(scheme.child(1).octets())), sealed, 16))


def _opens_by_triple_des(salt: bytes, rounds: int, sealed: bytes) -> bool:
    for password in _NO_PASSWORDS:
        key = derived(password, salt, rounds, KEY, 24)
        vector = derived(password, salt, rounds, VECTOR, 8)
        if _opens(Cipher(TripleDES(key), CBC(vector)), sealed, 8):
            return True
    return False


def _opens(cipher: Cipher[CBC], sealed: bytes, block: int) -> bool:
    """True if the ciphertext begins as a sequence that ends where the padding begins."""
    if len(sealed) < block or len(sealed) % block:
        return False
    head = cipher.decryptor().update(sealed[: 2 * block])
    if head[0] != SEQUENCE:
        return False
    size, width = head[1], 0
    if size > 0x80:
        width = size - 0x80
        size = int.from_bytes(head[2 : 2 + width])
    return 0 < len(sealed) - (2 + width + size) <= block
